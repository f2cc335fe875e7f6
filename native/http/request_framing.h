#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "http/request_error.h"
#include "http/request_parser.h"

namespace uwsgiref::http {

/// What the fields of a request say about its body and its connection (RFC 9112 §6 and §9).
struct RequestFraming {
  enum class Body : uint8_t { kNone, kLength, kChunked };

  Body body = Body::kNone;
  bool keep_alive = true;        ///< the client lets the connection persist (RFC 9112 §9.3)
  bool expect_continue = false;  ///< wants a 100 before it sends the body (RFC 9110 §10.1.1); never on HTTP/1.0
  uint64_t content_length = 0;   ///< of kLength
};

/// Judges a complete head. Refuses what a proxy in front could read in another way: a Content-Length that is not
/// digits, or differs from another; both framings at once; a transfer coding before or after `chunked`, on HTTP/1.0
/// or unknown; and, on HTTP/1.1, a missing, repeated or malformed Host (RFC 9112 §3.2, §6.1, §6.3). And CONNECT.
RequestError frame_request(const RequestLine& line, std::span<const Field> fields, std::string_view head,
                           RequestFraming& framing) noexcept;

}  // namespace uwsgiref::http
