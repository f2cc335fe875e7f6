#pragma once

#include <cstdint>
#include <string_view>

namespace uwsgiref::http {

/// Why a request is refused. Each reason has its own HTTP status and one sentence for the client and the log.
enum class RequestError : uint8_t {
  kNone = 0,
  // before the first request
  kBadProxyHeader,
  // request line
  kBadMethod,
  kMethodTooLong,
  kBadTarget,
  kTargetTooLong,
  kBadVersion,
  kVersionNotSupported,
  kBadLineEnd,  // bare CR, bare LF
  // field section
  kHeadTooLarge,
  kTooManyFields,
  kBadFieldName,  // not a token, empty, or white space before the colon
  kObsoleteFolding,
  kBadFieldValue,  // a control character
  // meaning
  kNoTunnel,  // CONNECT
  kMissingHost,
  kRepeatedHost,
  kBadHost,
  kBadContentLength,
  kConflictingContentLength,
  kLengthAndTransferEncoding,
  kTransferEncodingInHttp10,
  kBadTransferEncoding,  // chunked is not last, or there twice
  kUnknownTransferCoding,
  kUnknownExpectation,
  // body
  kBodyTooLarge,
  kBadChunkSize,
  kChunkExtensionTooLong,
  kBadChunkEnd,
  kBadTrailer,
  kTrailerTooLarge,
  kBodyNotStored,  // the fault is the server's
  // connection
  kNoClientCertificate,
  // time
  kHeadTimeout,
  kBodyTimeout,
  kCount,
};

/// The status code that answers this error: 400, 403, 408, 413, 414, 417, 431, 500, 501 or 505.
uint16_t status_code(RequestError error) noexcept;

/// The status line's code and reason, e.g. "431 Request Header Fields Too Large".
std::string_view status_of(RequestError error) noexcept;

/// One plain English sentence without a line end: what was wrong. Never contains bytes of the request.
std::string_view describe(RequestError error) noexcept;

}  // namespace uwsgiref::http
