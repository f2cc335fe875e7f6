#include "fuzz/connection/answer_reader.h"

#include <algorithm>

#include "fuzz/oracle.h"
#include "http/char_class.h"
#include "http/content_length.h"

namespace uwsgiref::test {

namespace {

constexpr std::string_view kLineEnd = "\r\n";

/// Takes chunks off `bytes` into `body`; whether the last one is there. A partial chunk counts as far as it goes.
bool read_chunks(std::string_view& bytes, std::string& body) {
  for (;;) {
    const size_t line = bytes.find(kLineEnd);
    const std::string_view digits = bytes.substr(0, line);
    size_t size = 0;
    for (const char digit : digits) {
      if (line == std::string_view::npos && digit == '\r') break;
      EXPECT(http::hex_value(digit) >= 0);
      size = size * 16 + static_cast<size_t>(http::hex_value(digit));
    }
    if (line == std::string_view::npos) return false;
    EXPECT(!digits.empty());
    const std::string_view rest = bytes.substr(line + kLineEnd.size());
    if (size == 0) {
      EXPECT(kLineEnd.starts_with(rest.substr(0, kLineEnd.size())));
      if (rest.size() < kLineEnd.size()) return false;
      bytes = rest.substr(kLineEnd.size());
      return true;
    }
    body += rest.substr(0, size);
    if (rest.size() < size) return false;
    EXPECT(kLineEnd.starts_with(rest.substr(size, kLineEnd.size())));
    if (rest.size() < size + kLineEnd.size()) return false;
    bytes = rest.substr(size + kLineEnd.size());
  }
}

}  // namespace

std::string_view ReadAnswer::field(std::string_view name) const {
  std::string_view found;
  size_t count = 0;
  for (const auto& [each, value] : fields) {
    if (!http::equals_ignoring_case(each, name)) continue;
    found = value;
    count++;
  }
  EXPECT(count <= 1);
  return found;
}

ReadAnswer read_answer(std::string_view bytes, bool head_request) {
  ReadAnswer answer;
  const size_t head_end = bytes.find("\r\n\r\n");
  constexpr std::string_view kProtocol = "HTTP/1.1 ";
  EXPECT(bytes.substr(0, kProtocol.size()) == kProtocol.substr(0, bytes.size()));
  if (head_end == std::string_view::npos) return answer;
  answer.head_complete = true;
  std::string_view lines = bytes.substr(0, head_end + kLineEnd.size());
  answer.size = head_end + 2 * kLineEnd.size();

  const std::string_view status = lines.substr(kProtocol.size(), 4);
  EXPECT(status.size() == 4 && status[3] == ' ');
  for (size_t at = 0; at < 3; at++) {
    EXPECT(http::is_in(http::kDigitChar, status[at]));
    answer.status = static_cast<uint16_t>(answer.status * 10 + (status[at] - '0'));
  }
  lines.remove_prefix(lines.find(kLineEnd) + kLineEnd.size());
  while (!lines.empty()) {
    const size_t end = lines.find(kLineEnd);
    const size_t colon = lines.find(": ");
    EXPECT(colon < end && http::is_token(lines.substr(0, colon)));
    EXPECT(http::all_in(http::kValueChar, lines.substr(0, end)));
    answer.fields.emplace_back(lines.substr(0, colon), lines.substr(colon + 2, end - colon - 2));
    lines.remove_prefix(end + kLineEnd.size());
  }

  // RFC 9112 §6.3
  const std::string_view length = answer.field("Content-Length");
  const std::string_view coding = answer.field("Transfer-Encoding");
  EXPECT(length.empty() || coding.empty());
  std::string_view rest = bytes.substr(answer.size);
  const bool bodiless = head_request || answer.status / 100 == 1 || answer.status == 204 || answer.status == 304;
  if (bodiless) {
    answer.complete = true;
  } else if (!coding.empty()) {
    EXPECT(coding == "chunked");
    answer.framing = ReadAnswer::Body::kChunked;
    answer.complete = read_chunks(rest, answer.body);
    answer.size = answer.complete ? bytes.size() - rest.size() : bytes.size();
  } else if (!length.empty()) {
    answer.framing = ReadAnswer::Body::kLength;
    EXPECT(http::parse_content_length(length));
    answer.length = *http::parse_content_length(length);
    answer.body = rest.substr(0, answer.length);
    answer.size += answer.body.size();
    answer.complete = answer.body.size() == answer.length;
  } else {
    answer.framing = ReadAnswer::Body::kClose;
    answer.body = rest;
    answer.size = bytes.size();
  }
  return answer;
}

}  // namespace uwsgiref::test
