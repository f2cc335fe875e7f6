#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "http/field_names.h"
#include "http/request_error.h"
#include "http/slice.h"

namespace uwsgiref::http {

/// Bounds on a request head.
struct HeadLimits {
  uint32_t max_head_size = 16 * 1024;     ///< bytes, from the first of the method to the last of the blank line
  uint32_t max_target_length = 8 * 1024;  ///< bytes of the request target
  uint32_t max_fields = 100;              ///< field lines; the caller's array must hold as many
};

/// One field line. The value is without the white space around it.
struct Field {
  Slice name;
  Slice value;
  FieldName id = FieldName::kUnknown;
};

/// The four forms of a request target (RFC 9112 §3.2).
enum class TargetForm : uint8_t { kOrigin, kAbsolute, kAuthority, kAsterisk };

/// A known request method, or kOther for any other token.
enum class Method : uint8_t { kOther, kGet, kHead, kPost, kPut, kDelete, kOptions, kPatch, kTrace, kConnect };

/// What the request line says, as offsets into the head.
struct RequestLine {
  Slice method;
  Slice target;     ///< as received
  Slice authority;  ///< absolute-form and authority-form: host and port, without userinfo; else empty
  Slice path;       ///< origin-form and absolute-form: still percent-encoded; may be empty in absolute-form
  Slice query;      ///< without the question mark
  Method method_id = Method::kOther;
  TargetForm form = TargetForm::kOrigin;
  uint8_t minor_version = 1;  ///< 0 or 1
};

/// Parses the request line and field section of one HTTP/1.x request (RFC 9112 §2 to §5), strictly: CRLF line ends
/// only, single spaces in the request line, no obs-fold, no white space before a colon, tokens only as names, no
/// control characters in values.
///
/// Incremental: feed() is given the whole head as far as it has arrived, each time with the same beginning, and goes
/// on where it stopped. A head is never scanned twice, and the first bad byte is an error as soon as it arrives.
/// Empty lines before the request line are skipped (RFC 9112 §2.2); they count towards the head's size.
class RequestParser {
 public:
  enum class Status : uint8_t { kNeedMore, kComplete, kError };

  /// `fields` takes the field lines; it must hold limits.max_fields.
  RequestParser(const HeadLimits& limits, std::span<Field> fields) noexcept;

  /// Forgets the request in hand; the parser is then as new.
  void reset() noexcept;

  /// Takes over the progress of `other`, which parsed the same bytes, with the fields it has found so far.
  void resume_from(const RequestParser& other) noexcept;

  /// Parses on. `head` begins with the first byte of the request; bytes behind the head are not looked at.
  Status feed(std::string_view head) noexcept;

  // After kComplete:
  const RequestLine& request_line() const noexcept { return line_; }
  std::span<const Field> fields() const noexcept { return fields_.first(field_count_); }
  /// Bytes of the head, with the blank line that ends it. What follows is the body or the next request.
  uint32_t head_size() const noexcept { return position_; }

  // After kError:
  RequestError error() const noexcept { return error_; }

 private:
  /// What the next byte belongs to. The order matters: a request line ends where kFieldLine begins, and the target's
  /// states stand together.
  enum class State : uint8_t {
    kStart,  // empty lines, or the first byte of the method
    kStartLineFeed,
    kMethod,
    kTargetStart,
    kAsterisk,
    kScheme,
    kAuthority,
    kPath,
    kQuery,
    kVersion,
    kRequestLineEnd,
    kRequestLineFeed,
    kFieldLine,  // the first byte of a field line, or of the blank line
    kFieldName,
    kValueStart,
    kValue,
    kFieldLineFeed,
    kHeadLineFeed,
    kComplete,
    kError,
  };

  /// The bytes at hand: `at` is the offset of the next one, `end` the offset behind the last that may be read.
  struct Cursor {
    const char* bytes;
    size_t at;
    size_t end;

    char here() const noexcept { return bytes[at]; }
    bool done() const noexcept { return at == end; }
  };

  void parse_request_line(Cursor& in) noexcept;
  void parse_start(Cursor& in) noexcept;
  void parse_method(Cursor& in) noexcept;
  void parse_target_start(Cursor& in) noexcept;
  void parse_scheme(Cursor& in) noexcept;
  void parse_authority(Cursor& in) noexcept;
  void parse_path(Cursor& in) noexcept;
  void parse_query(Cursor& in) noexcept;
  void parse_version(Cursor& in) noexcept;
  void parse_field_section(Cursor& in) noexcept;
  bool parse_field_name(Cursor& in, Field& field) noexcept;
  void expect(char expected, RequestError otherwise, State next, Cursor& in) noexcept;
  void end_target(Cursor& in) noexcept;
  size_t target_end(const Cursor& in) const noexcept;
  bool in_target() const noexcept { return state_ >= State::kAsterisk && state_ <= State::kQuery; }
  void fail(RequestError error) noexcept;

  HeadLimits limits_;
  std::span<Field> fields_;
  RequestLine line_;
  uint32_t position_ = 0;
  uint32_t field_count_ = 0;
  uint32_t version_begin_ = 0;
  uint8_t empty_lines_ = 0;
  State state_ = State::kStart;
  RequestError error_ = RequestError::kNone;
};

}  // namespace uwsgiref::http
