#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/byte_buffer.h"

namespace uwsgiref::http {

struct ResponseField {
  std::string_view name;
  std::string_view value;
};

struct PreparedFields;

/// What an application answers.
struct ResponseHead {
  std::string_view status;  ///< "200 OK": three digits, a space, a reason that may be empty
  std::span<const ResponseField> fields;
  std::optional<uint64_t> body_length;  ///< bytes of the whole body, where the gateway knows it
  /// Of this status and these fields, which are not looked at again.
  const PreparedFields* prepared = nullptr;
};

/// What a look at status and fields tells.
struct HeadSurvey {
  uint16_t status_code = 0;
  std::optional<uint64_t> content_length;
  size_t bytes = 0;  ///< of the field lines at most
  uint32_t dropped = 0;
  uint32_t first_dropped = 0;
  bool date = false;
  bool server = false;
  bool close = false;
};

/// The fields of a head that leaves again and again.
struct PreparedFields {
  HeadSurvey survey;
  std::string lines;  ///< as they leave
};

/// What the request and the connection say about the answer.
struct ResponseContext {
  uint8_t minor_version = 1;  ///< of the request
  bool head_request = false;  ///< HEAD: the fields of a GET, no body
  bool keep_alive = true;     ///< client and engine both let the connection persist
  std::string_view date{};    ///< for the Date field when the application sets none; empty: none is added
  std::string_view server{};  ///< likewise for Server
};

/// How the answer leaves.
struct ResponseFraming {
  enum class Body : uint8_t {
    kNone,     ///< no body may follow: HEAD, 204, 304
    kLength,   ///< exactly content_length bytes
    kChunked,  ///< chunks (RFC 9112 §7.1)
    kClose,    ///< until the connection closes (HTTP/1.0)
  };

  Body body = Body::kNone;
  bool keep_alive = true;
  uint16_t status_code = 0;
  uint64_t content_length = 0;
  uint32_t dropped_fields = 0;  ///< hop-by-hop fields of the application that were left out
  uint32_t first_dropped = 0;   ///< index of the first of them
};

enum class ResponseError : uint8_t {
  kNone = 0,
  kBadStatus,
  kBadFieldName,
  kBadFieldValue,
  kBadContentLength,
  kRepeatedContentLength,
};

struct ResponseResult {
  ResponseError error = ResponseError::kNone;
  uint32_t field = 0;  ///< index of the offending field
};

/// Appends status line and field section to `out` and says how the body must follow. On an error nothing has been
/// appended: a control character never leaves, whatever an application says.
///
/// Framing: an application's Content-Length is kept, else body_length gives one, else chunked on HTTP/1.1 and close on
/// 1.0. Hop-by-hop fields are dropped; an application's `Connection: close` is heeded all the same. The writer adds
/// `Connection: close` or, on HTTP/1.0, `Connection: keep-alive` where it is due.
ResponseResult write_response_head(const ResponseHead& head, const ResponseContext& context, ByteBuffer& out,
                                   ResponseFraming& framing) noexcept;

/// Prepares the fields of a head for later ones of the same status and fields. On an error `prepared` must not be used.
ResponseResult prepare_fields(const ResponseHead& head, PreparedFields& prepared) noexcept;

/// Appends a chunk's size line; `content` bytes and a CRLF must follow.
void append_chunk_size(uint64_t size, ByteBuffer& out) noexcept;

inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

/// Appends a complete small answer that closes the connection: what a refused request gets.
void write_error_response(std::string_view status, std::string_view text, const ResponseContext& context,
                          ByteBuffer& out) noexcept;

}  // namespace uwsgiref::http
