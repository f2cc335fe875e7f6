#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "http/byte_buffer.h"
#include "net/gateway.h"

namespace uwsgiref::addon {

/// A request as it crosses into JavaScript: a text, and this record of offsets into it, which lies in a typed array
/// that both sides share. Requests that cross together have one text, and their records stand one behind the other.
/// src/server/request-record.ts names the same places.
namespace record {

enum Place : size_t {
  kSlot,
  kGeneration,
  kFlags,
  kMethod,  // http::Method; 0: take it from the text
  kListener,
  kMethodBegin,
  kMethodEnd,
  kTargetBegin,  // as received
  kTargetEnd,
  kPathBegin,
  kPathEnd,
  kQueryBegin,
  kQueryEnd,
  kAuthorityBegin,
  kAuthorityEnd,
  kAddressBegin,
  kAddressEnd,
  kPortEnd,         // the port's digits follow the address
  kCertificateEnd,  // the client's certificate follows the port
  kBodySizeHigh,
  kBodySizeLow,
  kBodyFile,
  kFieldCount,
  kFields,  // kFieldPlaces for each
};

enum Flag : uint32_t {
  kHttp11 = 1,
  kHasBody = 2,
  kBodyInFile = 4,
  kFromTrustedProxy = 8,
};

enum FieldPlace : size_t {
  kKey,      // http::FieldName; 0: the text has the key at kKeyBegin
  kRepeats,  // an earlier field of the request has the same key
  kValueBegin,
  kValueEnd,
  kKeyBegin,
  kKeyEnd,
  kFieldPlaces,
};

inline constexpr size_t kMaxFields = 1000;
inline constexpr size_t kMaxSize = kFields + kMaxFields * kFieldPlaces;

}  // namespace record

/// Writes the request into `places`, which hold kMaxSize, and appends its text to `text`; answers how many places it
/// took. Field lines that an application must not see are left
/// out: names with an underscore, which could pose as another field's CGI key; `Proxy`, which would become HTTP_PROXY;
/// and `Transfer-Encoding`, because the body that is handed over has no coding any more.
size_t write_request_record(const net::Request& request, std::span<uint32_t> places, http::ByteBuffer& text) noexcept;

}  // namespace uwsgiref::addon
