#pragma once

#include <cstdint>
#include <string_view>

#include "http/request_error.h"

namespace uwsgiref::http {

/// Takes the framing off a request body: counts a Content-Length down, or decodes chunks (RFC 9112 §7.1). Chunk
/// extensions and trailer fields are checked, bounded and dropped. Keeps no bytes: content comes back as a view into
/// the input.
class BodyDecoder {
 public:
  enum class Status : uint8_t { kNeedMore, kContent, kDone, kError };

  /// One step. `consumed` bytes of the input are done with; `content` is what they held of the body.
  struct Step {
    Status status = Status::kNeedMore;
    RequestError error = RequestError::kNone;
    size_t consumed = 0;
    std::string_view content;
  };

  /// Bounds on what surrounds the content of a chunked body, in bytes.
  static constexpr uint32_t kMaxChunkLine = 4 * 1024;    ///< one chunk-size line, with its extensions
  static constexpr uint32_t kMaxExtensions = 16 * 1024;  ///< all extensions of one body
  static constexpr uint32_t kMaxTrailerSection = 8 * 1024;

  /// A body of `length` bytes; more than `max_size` is kBodyTooLarge on the first step.
  static BodyDecoder with_length(uint64_t length, uint64_t max_size) noexcept;
  /// A chunked body of at most `max_size` bytes of content.
  static BodyDecoder chunked(uint64_t max_size) noexcept;

  /// Decodes on. Call again with the rest of the input, even an empty rest, while the answer is kContent. kDone: the
  /// body is over, and the input behind `consumed` belongs to the next request. After kDone or kError, no further call.
  Step decode(std::string_view input) noexcept;

 private:
  /// What the next byte belongs to. A body with a length knows kContent, kEnd and kTooLarge only.
  enum class State : uint8_t {
    kSize,       // digits of a chunk's size
    kExtension,  // behind ";": white space, then a name
    kExtensionName,
    kAfterName,  // white space behind a name: ";" or "=" must come
    kValue,      // behind "=": white space, then a token or a quoted string
    kTokenValue,
    kQuoted,
    kQuotedPair,
    kQuotedEnd,
    kAfterValue,  // white space behind a value, or behind the size: ";" must come
    kSizeLineFeed,
    kContent,
    kContentEnd,  // the CR behind a chunk's content
    kContentLineFeed,
    kTrailerLine,  // the first byte of a trailer field, or of the blank line
    kTrailerName,
    kTrailerValue,
    kTrailerLineFeed,
    kLastLineFeed,
    kEnd,
    kTooLarge,  // a length beyond the bound, which the first step reports
  };

  BodyDecoder(State state, bool chunked, uint64_t left, uint64_t allowed) noexcept
      : left_(left), allowed_(allowed), state_(state), chunked_(chunked) {}

  RequestError take(char c) noexcept;
  RequestError take_size(char c) noexcept;
  RequestError take_extension(char c) noexcept;
  RequestError take_trailer(char c) noexcept;
  RequestError end_size_line() noexcept;
  RequestError go_if(bool expected, State next, RequestError otherwise) noexcept;

  uint64_t left_;                 // bytes of the body, or of the chunk in hand, still to come
  uint64_t allowed_;              // bytes of content that may still be announced
  uint32_t line_size_ = 0;        // of the chunk-size line in hand
  uint32_t extensions_size_ = 0;  // of all extensions so far, white space and quotes included
  uint32_t trailer_size_ = 0;
  State state_;
  bool chunked_;
};

static_assert(sizeof(BodyDecoder) <= 48);  // one lives in every connection

}  // namespace uwsgiref::http
