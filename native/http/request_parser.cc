#include "http/request_parser.h"

#include <algorithm>
#include <cstring>

#include "http/byte_scan.h"
#include "http/char_class.h"
#include "http/host_port.h"

namespace uwsgiref::http {
namespace {

/// Longer than any registered method (the longest has 17 bytes).
constexpr size_t kMaxMethodLength = 32;

/// RFC 9112 §2.2 asks for "at least one empty line"; some clients send one behind a body.
constexpr uint8_t kMaxEmptyLines = 2;

constexpr std::string_view kVersionForm = "HTTP/0.0";  // each "0" stands for a digit

Method find_method(std::string_view token) noexcept {
  switch (token.size()) {
    case 3:
      if (token == "GET") return Method::kGet;
      if (token == "PUT") return Method::kPut;
      break;
    case 4:
      if (token == "POST") return Method::kPost;
      if (token == "HEAD") return Method::kHead;
      break;
    case 5:
      if (token == "PATCH") return Method::kPatch;
      if (token == "TRACE") return Method::kTrace;
      break;
    case 6:
      if (token == "DELETE") return Method::kDelete;
      break;
    case 7:
      if (token == "OPTIONS") return Method::kOptions;
      if (token == "CONNECT") return Method::kConnect;
      break;
  }
  return Method::kOther;
}

size_t skip(CharClass which, const char* bytes, size_t at, size_t end) noexcept {
  while (at < end && is_in(which, bytes[at])) ++at;
  return at;
}

template <class Rule>
size_t find(Rule rule, const char* bytes, size_t at, size_t end) noexcept {
  return static_cast<size_t>(scan::Native::find(bytes + at, bytes + end, rule) - bytes);
}

}  // namespace

RequestParser::RequestParser(const HeadLimits& limits, std::span<Field> fields) noexcept
    : limits_(limits), fields_(fields.first(std::min<size_t>(limits.max_fields, fields.size()))) {}

void RequestParser::reset() noexcept {
  line_ = {};
  position_ = 0;
  field_count_ = 0;
  empty_lines_ = 0;
  state_ = State::kStart;
  error_ = RequestError::kNone;
}

void RequestParser::resume_from(const RequestParser& other) noexcept {
  line_ = other.line_;
  position_ = other.position_;
  field_count_ = other.field_count_;
  version_begin_ = other.version_begin_;
  empty_lines_ = other.empty_lines_;
  state_ = other.state_;
  error_ = other.error_;
  const bool in_field = state_ >= State::kFieldName && state_ <= State::kFieldLineFeed;
  const size_t begun = field_count_ + (in_field ? size_t{1} : 0);
  const size_t held = std::min(begun, fields_.size());
  std::copy_n(other.fields_.begin(), held, fields_.begin());
  if (held < begun) {
    field_count_ = static_cast<uint32_t>(held);
    fail(RequestError::kTooManyFields);
  }
}

RequestParser::Status RequestParser::feed(std::string_view head) noexcept {
  const std::string_view readable = head.substr(0, limits_.max_head_size);
  Cursor in{readable.data(), position_, readable.size()};
  if (state_ < State::kFieldLine) parse_request_line(in);
  if (state_ >= State::kFieldLine && state_ < State::kComplete) parse_field_section(in);
  position_ = static_cast<uint32_t>(in.at);

  if (state_ == State::kComplete) return Status::kComplete;
  // RFC 9112 §3: a target that is too long has a status of its own, whichever limit it is too long for.
  if (state_ != State::kError && head.size() > readable.size()) {
    fail(in_target() ? RequestError::kTargetTooLong : RequestError::kHeadTooLarge);
  }
  return state_ == State::kError ? Status::kError : Status::kNeedMore;
}

/// The position stays on the byte that is refused.
void RequestParser::fail(RequestError error) noexcept {
  error_ = error;
  state_ = State::kError;
}

/// Takes one byte that admits no choice.
void RequestParser::expect(char expected, RequestError otherwise, State next, Cursor& in) noexcept {
  if (in.here() != expected) return fail(otherwise);
  ++in.at;
  state_ = next;
}

// request-line = method SP request-target SP HTTP-version (RFC 9112 §3)
void RequestParser::parse_request_line(Cursor& in) noexcept {
  while (!in.done() && state_ < State::kFieldLine) {
    switch (state_) {
      case State::kStart:
        parse_start(in);
        break;
      case State::kStartLineFeed:
        expect('\n', RequestError::kBadLineEnd, State::kStart, in);
        break;
      case State::kMethod:
        parse_method(in);
        break;
      case State::kTargetStart:
        parse_target_start(in);
        break;
      case State::kAsterisk:
        if (in.here() != ' ') return fail(RequestError::kBadTarget);
        end_target(in);
        break;
      case State::kScheme:
        parse_scheme(in);
        break;
      case State::kAuthority:
        parse_authority(in);
        break;
      case State::kPath:
        parse_path(in);
        break;
      case State::kQuery:
        parse_query(in);
        break;
      case State::kVersion:
        parse_version(in);
        break;
      case State::kRequestLineEnd:
        expect('\r', in.here() == '\n' ? RequestError::kBadLineEnd : RequestError::kBadVersion, State::kRequestLineFeed,
               in);
        break;
      case State::kRequestLineFeed:
        expect('\n', RequestError::kBadLineEnd, State::kFieldLine, in);
        break;
      default:
        return;
    }
    if (in_target() && in.at - line_.target.begin > limits_.max_target_length) {
      --in.at;
      return fail(RequestError::kTargetTooLong);
    }
  }
}

void RequestParser::parse_start(Cursor& in) noexcept {
  switch (in.here()) {
    case '\r':
      if (empty_lines_ == kMaxEmptyLines) return fail(RequestError::kBadMethod);
      ++empty_lines_;
      ++in.at;
      state_ = State::kStartLineFeed;
      return;
    case '\n':
      return fail(RequestError::kBadLineEnd);
    default:
      line_.method.begin = static_cast<uint32_t>(in.at);
      state_ = State::kMethod;
  }
}

// method = token (RFC 9110 §9.1); one longer than any that is known is not implemented (RFC 9112 §3)
void RequestParser::parse_method(Cursor& in) noexcept {
  const size_t begin = line_.method.begin;
  in.at = skip(kTokenChar, in.bytes, in.at, std::min(in.end, begin + kMaxMethodLength + 1));
  const size_t length = in.at - begin;
  if (length > kMaxMethodLength) {
    --in.at;
    return fail(RequestError::kMethodTooLong);
  }
  if (in.done()) return;
  if (in.here() != ' ' || length == 0) return fail(RequestError::kBadMethod);
  line_.method.end = static_cast<uint32_t>(in.at);
  line_.method_id = find_method({in.bytes + begin, length});
  ++in.at;
  state_ = State::kTargetStart;
}

// request-target = origin-form / absolute-form / authority-form / asterisk-form (RFC 9112 §3.2)
void RequestParser::parse_target_start(Cursor& in) noexcept {
  const auto at = static_cast<uint32_t>(in.at);
  line_.target.begin = at;
  if (line_.method_id == Method::kConnect) {
    line_.form = TargetForm::kAuthority;
    line_.authority.begin = at;
    state_ = State::kAuthority;
    return;
  }
  switch (in.here()) {
    case '/':
      line_.form = TargetForm::kOrigin;
      line_.path.begin = at;
      state_ = State::kPath;
      return;
    case 'h':
    case 'H':
      line_.form = TargetForm::kAbsolute;
      state_ = State::kScheme;
      return;
    case '*':
      // RFC 9112 §3.2.4: for a server-wide OPTIONS only.
      if (line_.method_id != Method::kOptions) return fail(RequestError::kBadTarget);
      line_.form = TargetForm::kAsterisk;
      ++in.at;
      state_ = State::kAsterisk;
      return;
    default:
      return fail(RequestError::kBadTarget);
  }
}

/// The offset behind the last byte that may still be of the target: one beyond the limit, where the space must be.
size_t RequestParser::target_end(const Cursor& in) const noexcept {
  return std::min(in.end, size_t{line_.target.begin} + limits_.max_target_length + 1);
}

void RequestParser::parse_scheme(Cursor& in) noexcept {
  constexpr std::string_view kHttp = "http://";
  constexpr std::string_view kHttps = "https://";
  constexpr size_t kFork = 4;  // where the two differ
  const size_t begin = line_.target.begin;
  for (const size_t end = target_end(in); in.at < end; ++in.at) {
    const size_t index = in.at - begin;
    const bool secure = index >= kFork && to_lower(in.bytes[begin + kFork]) == 's';
    const std::string_view expected = secure ? kHttps : kHttp;
    if (index == expected.size()) {
      line_.authority.begin = static_cast<uint32_t>(in.at);
      state_ = State::kAuthority;
      return;
    }
    if (to_lower(in.here()) != expected[index]) return fail(RequestError::kBadTarget);
  }
}

void RequestParser::parse_authority(Cursor& in) noexcept {
  const bool absolute = line_.form == TargetForm::kAbsolute;
  const size_t end = target_end(in);
  in.at = skip(kAuthorityChar, in.bytes, in.at, end);
  if (in.at == end) return;
  const char c = in.here();
  if (c != ' ' && !(absolute && (c == '/' || c == '?'))) return fail(RequestError::kBadTarget);

  const auto at = static_cast<uint32_t>(in.at);
  line_.authority.end = at;
  const auto parts = split_host_port({in.bytes + line_.authority.begin, line_.authority.size()});
  // RFC 9112 §3.2.3: a CONNECT names its port.
  if (!parts || (!absolute && parts->port.empty())) return fail(RequestError::kBadTarget);
  line_.path = {at, at};
  if (c == ' ') return end_target(in);
  state_ = State::kPath;
}

/// Any visible ASCII but "#". Beyond RFC 3986's pchar this lets `"<>\^`{|}` and brackets pass, which clients send
/// unencoded and no two parsers read differently.
void RequestParser::parse_path(Cursor& in) noexcept {
  const size_t end = target_end(in);
  in.at = find(scan::EndsPath{}, in.bytes, in.at, end);
  if (in.at == end) return;
  const auto at = static_cast<uint32_t>(in.at);
  line_.path.end = at;
  switch (in.here()) {
    case ' ':
      return end_target(in);
    case '?':
      ++in.at;
      line_.query = {at + 1, at + 1};
      state_ = State::kQuery;
      return;
    default:
      return fail(RequestError::kBadTarget);
  }
}

void RequestParser::parse_query(Cursor& in) noexcept {
  const size_t end = target_end(in);
  while ((in.at = find(scan::EndsPath{}, in.bytes, in.at, end)) < end) {
    if (in.here() == '?') {
      ++in.at;
      continue;
    }
    if (in.here() != ' ') return fail(RequestError::kBadTarget);
    line_.query.end = static_cast<uint32_t>(in.at);
    return end_target(in);
  }
}

/// Takes the space behind the target.
void RequestParser::end_target(Cursor& in) noexcept {
  line_.target.end = static_cast<uint32_t>(in.at);
  ++in.at;
  version_begin_ = static_cast<uint32_t>(in.at);
  state_ = State::kVersion;
}

// HTTP-version = HTTP-name "/" DIGIT "." DIGIT (RFC 9112 §2.3)
void RequestParser::parse_version(Cursor& in) noexcept {
  for (const size_t end = std::min(in.end, version_begin_ + kVersionForm.size()); in.at < end; ++in.at) {
    const char expected = kVersionForm[in.at - version_begin_];
    const bool fits = expected == '0' ? is_in(kDigitChar, in.here()) : in.here() == expected;
    if (!fits) return fail(RequestError::kBadVersion);
  }
  if (in.at - version_begin_ < kVersionForm.size()) return;
  const char major = in.bytes[in.at - 3];
  const char minor = in.bytes[in.at - 1];
  if (major != '1' || minor > '1') {
    --in.at;
    return fail(RequestError::kVersionNotSupported);
  }
  line_.minor_version = static_cast<uint8_t>(minor - '0');
  state_ = State::kRequestLineEnd;
}

// field-line = field-name ":" OWS field-value OWS (RFC 9112 §5). One pass of the loop is one line; each step leaves
// where the bytes end and is the one that feed() comes back to.
void RequestParser::parse_field_section(Cursor& in) noexcept {
  while (!in.done()) {
    switch (state_) {
      case State::kFieldLine: {
        const char c = in.here();
        if (c == '\r') {
          ++in.at;
          state_ = State::kHeadLineFeed;
          continue;
        }
        if (c == '\n') return fail(RequestError::kBadLineEnd);
        if (is_white_space(c)) return fail(RequestError::kObsoleteFolding);
        if (!is_in(kTokenChar, c)) return fail(RequestError::kBadFieldName);
        if (field_count_ == fields_.size()) return fail(RequestError::kTooManyFields);
        fields_[field_count_].name.begin = static_cast<uint32_t>(in.at);
        state_ = State::kFieldName;
        [[fallthrough]];
      }
      case State::kFieldName:
        if (!parse_field_name(in, fields_[field_count_])) return;
        state_ = State::kValueStart;
        [[fallthrough]];
      case State::kValueStart:
        while (!in.done() && is_white_space(in.here())) ++in.at;
        if (in.done()) return;
        fields_[field_count_].value.begin = static_cast<uint32_t>(in.at);
        state_ = State::kValue;
        [[fallthrough]];
      case State::kValue: {
        in.at = find(scan::EndsValue{}, in.bytes, in.at, in.end);
        if (in.done()) return;
        const char c = in.here();
        if (c != '\r') return fail(c == '\n' ? RequestError::kBadLineEnd : RequestError::kBadFieldValue);
        Slice& value = fields_[field_count_].value;
        value.end = static_cast<uint32_t>(in.at);
        while (!value.empty() && is_white_space(in.bytes[value.end - 1])) --value.end;
        ++in.at;
        state_ = State::kFieldLineFeed;
        if (in.done()) return;
        [[fallthrough]];
      }
      case State::kFieldLineFeed:
        if (in.here() != '\n') return fail(RequestError::kBadLineEnd);
        ++in.at;
        ++field_count_;
        state_ = State::kFieldLine;
        continue;
      case State::kHeadLineFeed:
        return expect('\n', RequestError::kBadLineEnd, State::kComplete, in);
      default:
        return;
    }
  }
}

/// Takes a name and its colon. False: the bytes ended first, or an error was found.
bool RequestParser::parse_field_name(Cursor& in, Field& field) noexcept {
  const size_t begin = field.name.begin;
  size_t colon = in.at;
  if (in.at == begin) {
    // Most names are known ones and arrive whole. To be known is to be a token: no byte is looked at twice.
    colon = find(scan::IsColon{}, in.bytes, begin, std::min(in.end, begin + 32));
    field.id = find_field_name({in.bytes + begin, colon - begin});
  }
  const bool known = in.at == begin && colon < in.end && in.bytes[colon] == ':' && field.id != FieldName::kUnknown;
  if (!known) {
    colon = in.at = skip(kTokenChar, in.bytes, in.at, in.end);
    if (in.done()) return false;
    if (in.here() != ':') {
      fail(RequestError::kBadFieldName);
      return false;
    }
    field.id = find_field_name({in.bytes + begin, colon - begin});
  }
  field.name.end = static_cast<uint32_t>(colon);
  in.at = colon + 1;
  return true;
}

}  // namespace uwsgiref::http
