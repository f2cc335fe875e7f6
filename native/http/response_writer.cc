#include "http/response_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "http/byte_scan.h"
#include "http/char_class.h"
#include "http/content_length.h"
#include "http/field_list.h"
#include "http/field_names.h"

namespace uwsgiref::http {
namespace {

constexpr std::string_view kProtocol = "HTTP/1.1 ";
constexpr std::string_view kDateName = "Date: ";
constexpr std::string_view kServerName = "Server: ";
constexpr std::string_view kContentLengthName = "Content-Length: ";
constexpr std::string_view kChunkedLine = "Transfer-Encoding: chunked\r\n";
constexpr std::string_view kCloseLine = "Connection: close\r\n";
constexpr std::string_view kKeepAliveLine = "Connection: keep-alive\r\n";
constexpr std::string_view kColon = ": ";
constexpr std::string_view kLineEnd = "\r\n";
constexpr size_t kMaxDecimalDigits = 20;  // of a 64-bit number

/// What the writer adds at most of its own, beside the values of Date and Server and the status.
constexpr size_t kOwnLines = kProtocol.size() + kLineEnd.size() + kDateName.size() + kLineEnd.size() +
                             kServerName.size() + kLineEnd.size() + kContentLengthName.size() + kMaxDecimalDigits +
                             kLineEnd.size() + kChunkedLine.size() + kKeepAliveLine.size() + kLineEnd.size();

/// HTAB / SP / VCHAR / obs-text only (RFC 9110 §5.5, RFC 9112 §4).
bool is_field_value(std::string_view text) noexcept {
  const char* const end = text.data() + text.size();
  return scan::Native::find(text.data(), end, scan::EndsValue{}) == end;
}

/// status-code SP [ reason-phrase ] (RFC 9112 §4); 0 for any other text. An interim status is refused: it answers
/// nothing (RFC 9110 §15.2).
uint16_t parse_status(std::string_view status) noexcept {
  if (status.size() < 4 || status[3] != ' ' || !all_in(kDigitChar, status.substr(0, 3))) return 0;
  const int code = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
  return code >= 200 && is_field_value(status) ? static_cast<uint16_t>(code) : 0;
}

struct Survey : HeadSurvey {
  /// The ids of the first fields, so that the second pass need not look most of them up again.
  std::array<FieldName, 32> ids;

  FieldName id_of(size_t index, std::string_view name) const noexcept {
    return index < ids.size() ? ids[index] : find_field_name(name);
  }
};

ResponseError survey_field(const ResponseField& field, uint32_t index, Survey& survey) noexcept {
  const FieldName id = find_field_name(field.name);
  if (index < survey.ids.size()) survey.ids[index] = id;
  if (id == FieldName::kUnknown && !is_token(field.name)) return ResponseError::kBadFieldName;
  if (!is_field_value(field.value)) return ResponseError::kBadFieldValue;
  survey.bytes += field.name.size() + kColon.size() + field.value.size() + kLineEnd.size();
  switch (id) {
    case FieldName::kDate:
      survey.date = true;
      break;
    case FieldName::kServer:
      survey.server = true;
      break;
    case FieldName::kContentLength: {
      const std::optional<uint64_t> length = parse_content_length(field.value);
      if (!length) return ResponseError::kBadContentLength;
      if (survey.content_length && survey.content_length != length) return ResponseError::kRepeatedContentLength;
      survey.content_length = length;
      break;
    }
    default:
      if (is_hop_by_hop(id)) {
        if (survey.dropped++ == 0) survey.first_dropped = index;
        survey.close = survey.close || (id == FieldName::kConnection && list_has(field.value, "close"));
      }
  }
  return ResponseError::kNone;
}

ResponseResult survey_head(const ResponseHead& head, Survey& survey) noexcept {
  survey.status_code = parse_status(head.status);
  if (survey.status_code == 0) return {ResponseError::kBadStatus, 0};
  for (uint32_t index = 0; index < head.fields.size(); ++index) {
    const ResponseError error = survey_field(head.fields[index], index, survey);
    if (error != ResponseError::kNone) return {error, index};
  }
  return {};
}

/// RFC 9110 §8.6: never on 204; on HEAD it tells what a GET would have brought. On 304 it might, but there are clients
/// that then wait for a body: wrk, and others on http_parser.
constexpr bool has_content_length(uint16_t code) noexcept { return code != 204 && code != 304; }

ResponseFraming choose_framing(const ResponseHead& head, const ResponseContext& context,
                               const HeadSurvey& survey) noexcept {
  const uint16_t code = survey.status_code;
  ResponseFraming framing;
  framing.status_code = code;
  framing.dropped_fields = survey.dropped;
  framing.first_dropped = survey.first_dropped;
  const std::optional<uint64_t> length = survey.content_length ? survey.content_length : head.body_length;
  // RFC 9112 §6.3: these end with the head, whatever their fields say.
  if (context.head_request || code == 204 || code == 304) {
    framing.body = ResponseFraming::Body::kNone;
  } else if (length) {
    framing.body = ResponseFraming::Body::kLength;
    framing.content_length = *length;
  } else {
    // RFC 9112 §6.1: no Transfer-Encoding to a client that has not shown to know HTTP/1.1.
    framing.body = context.minor_version > 0 ? ResponseFraming::Body::kChunked : ResponseFraming::Body::kClose;
  }
  framing.keep_alive = context.keep_alive && !survey.close && framing.body != ResponseFraming::Body::kClose;
  return framing;
}

/// Writes into memory that is known to be large enough.
class LineWriter {
 public:
  explicit LineWriter(char* to) noexcept : to_(to) {}

  void put(std::string_view text) noexcept {
    if (text.empty()) return;
    std::memcpy(to_, text.data(), text.size());
    to_ += text.size();
  }
  void put(uint64_t number) noexcept { to_ = std::to_chars(to_, to_ + kMaxDecimalDigits, number).ptr; }
  char* end() const noexcept { return to_; }

 private:
  char* to_;
};

void put_fields(const ResponseHead& head, const Survey& survey, LineWriter& lines) noexcept {
  bool with_length = has_content_length(survey.status_code);
  for (size_t index = 0; index < head.fields.size(); ++index) {
    const ResponseField& field = head.fields[index];
    const FieldName id = survey.id_of(index, field.name);
    if (is_hop_by_hop(id)) continue;
    if (id == FieldName::kContentLength) {
      if (!with_length) continue;
      with_length = false;  // a repetition says nothing new
    }
    lines.put(field.name);
    lines.put(kColon);
    lines.put(field.value);
    lines.put(kLineEnd);
  }
}

/// A field that the engine gives where the application does not; left out if it could not be a field value.
void put_default(bool given, std::string_view name, std::string_view value, LineWriter& lines) noexcept {
  if (given || value.empty() || !is_field_value(value)) return;
  lines.put(name);
  lines.put(value);
  lines.put(kLineEnd);
}

}  // namespace

ResponseResult write_response_head(const ResponseHead& head, const ResponseContext& context, ByteBuffer& out,
                                   ResponseFraming& framing) noexcept {
  Survey own;
  if (!head.prepared) {
    const ResponseResult result = survey_head(head, own);
    if (result.error != ResponseError::kNone) return result;
  }
  const HeadSurvey& survey = head.prepared ? head.prepared->survey : own;
  framing = choose_framing(head, context, survey);

  const size_t bound = kOwnLines + head.status.size() + context.date.size() + context.server.size() + survey.bytes;
  char* const begin = out.reserve(bound);
  LineWriter lines{begin};
  lines.put(kProtocol);
  lines.put(head.status);
  lines.put(kLineEnd);
  put_default(survey.date, kDateName, context.date, lines);
  put_default(survey.server, kServerName, context.server, lines);
  if (head.prepared) {
    lines.put(head.prepared->lines);
  } else {
    put_fields(head, own, lines);
  }
  if (!survey.content_length && head.body_length && has_content_length(survey.status_code)) {
    lines.put(kContentLengthName);
    lines.put(*head.body_length);
    lines.put(kLineEnd);
  }
  if (framing.body == ResponseFraming::Body::kChunked) lines.put(kChunkedLine);
  if (!framing.keep_alive) {
    lines.put(kCloseLine);
  } else if (context.minor_version == 0) {
    lines.put(kKeepAliveLine);  // RFC 9112 §9.3: without it an HTTP/1.0 client takes the connection for closing
  }
  lines.put(kLineEnd);
  out.grow_by(static_cast<size_t>(lines.end() - begin));
  return {};
}

ResponseResult prepare_fields(const ResponseHead& head, PreparedFields& prepared) noexcept {
  Survey survey;
  const ResponseResult result = survey_head(head, survey);
  if (result.error != ResponseError::kNone) return result;
  prepared.survey = survey;
  prepared.lines.resize(survey.bytes);
  LineWriter lines{prepared.lines.data()};
  put_fields(head, survey, lines);
  prepared.lines.resize(static_cast<size_t>(lines.end() - prepared.lines.data()));
  return {};
}

void append_chunk_size(uint64_t size, ByteBuffer& out) noexcept {
  constexpr size_t kMaxHexDigits = 16;
  char* const begin = out.reserve(kMaxHexDigits + kLineEnd.size());
  char* const end = std::to_chars(begin, begin + kMaxHexDigits, size, 16).ptr;
  std::memcpy(end, kLineEnd.data(), kLineEnd.size());
  out.grow_by(static_cast<size_t>(end - begin) + kLineEnd.size());
}

void write_error_response(std::string_view status, std::string_view text, const ResponseContext& context,
                          ByteBuffer& out) noexcept {
  constexpr std::array<ResponseField, 1> kFields{{{"Content-Type", "text/plain; charset=utf-8"}}};
  ResponseContext closing = context;
  closing.keep_alive = false;
  const bool sound = parse_status(status) != 0;
  const ResponseHead head{sound ? status : "500 Internal Server Error", kFields, text.size() + 1};
  ResponseFraming framing;
  write_response_head(head, closing, out, framing);
  if (framing.body != ResponseFraming::Body::kLength) return;
  out.append(text);
  out.append("\n");
}

}  // namespace uwsgiref::http
