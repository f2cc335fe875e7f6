#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/oracle.h"
#include "http/char_class.h"
#include "http/content_length.h"
#include "http/field_list.h"
#include "http/field_names.h"
#include "http/response_writer.h"

/// Judges write_response_head() and write_error_response(). The input's lines are the context, the server's name, the
/// status and then "name:value" each, with "\r" and "\n" where an escape "%r" or "%n" stands, so that the line ends
/// an attacker would try reach every place.

using namespace uwsgiref;
using http::FieldName;
using http::ResponseField;
using http::ResponseFraming;
using Body = ResponseFraming::Body;

namespace {

std::string unescape(std::string_view text) {
  std::string plain;
  for (size_t at = 0; at < text.size(); ++at) {
    const char next = at + 1 < text.size() ? text[at + 1] : '\0';
    if (text[at] == '%' && (next == 'r' || next == 'n')) {
      plain += next == 'r' ? '\r' : '\n';
      ++at;
    } else {
      plain += text[at];
    }
  }
  return plain;
}

struct SeenField {
  std::string_view name, value;
  FieldName id;
};

/// Takes a head apart: every line ends with CRLF, none holds another control, and the blank line is the last.
std::vector<SeenField> read_head(std::string_view head, std::string_view status) {
  std::vector<SeenField> fields;
  EXPECT(head.ends_with("\r\n\r\n") && head.find("\r\n\r\n") == head.size() - 4);
  const std::string first = "HTTP/1.1 " + std::string(status);
  EXPECT(head.substr(0, head.find("\r\n")) == first);
  head.remove_prefix(first.size() + 2);
  while (head != "\r\n") {
    const size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    EXPECT(http::all_in(http::kValueChar, line));
    const size_t colon = line.find(": ");
    EXPECT(colon != std::string_view::npos && http::is_token(line.substr(0, colon)));
    fields.push_back({line.substr(0, colon), line.substr(colon + 2), http::find_field_name(line.substr(0, colon))});
    head.remove_prefix(end + 2);
  }
  return fields;
}

const SeenField* find(const std::vector<SeenField>& fields, FieldName id) {
  const SeenField* found = nullptr;
  for (const SeenField& field : fields) {
    if (field.id != id) continue;
    EXPECT(found == nullptr || id == FieldName::kDate || id == FieldName::kServer);
    found = &field;
  }
  return found;
}

void expect_framing(const std::vector<SeenField>& fields, const ResponseFraming& framing,
                    const http::ResponseContext& context) {
  const SeenField* const length = find(fields, FieldName::kContentLength);
  const SeenField* const encoding = find(fields, FieldName::kTransferEncoding);
  const SeenField* const connection = find(fields, FieldName::kConnection);
  EXPECT(!length || !encoding);
  EXPECT(!encoding || (encoding->value == "chunked" && context.minor_version > 0));
  EXPECT((encoding != nullptr) == (framing.body == Body::kChunked));
  EXPECT((framing.body == Body::kNone) ==
         (context.head_request || framing.status_code == 204 || framing.status_code == 304));
  EXPECT((framing.status_code != 204 && framing.status_code != 304) || !length);
  if (framing.body == Body::kLength) {
    EXPECT(length && http::parse_content_length(length->value) == framing.content_length);
  }
  EXPECT(framing.body != Body::kClose || (!framing.keep_alive && !length));
  EXPECT(!framing.keep_alive || context.keep_alive);
  EXPECT((connection && connection->value == "close") == !framing.keep_alive);
  EXPECT((connection && connection->value == "keep-alive") == (framing.keep_alive && context.minor_version == 0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::FuzzInput choices(data, size);
  const std::string_view context_line = choices.take_line();
  const std::string server = unescape(choices.take_line());
  const std::string status = unescape(choices.take_line());
  std::vector<std::string> texts;
  while (!choices.rest().empty()) {
    const std::string_view line = choices.take_line();
    const size_t colon = std::min(line.find(':'), line.size());
    texts.push_back(unescape(line.substr(0, colon)));
    texts.push_back(unescape(line.substr(std::min(colon + 1, line.size()))));
  }
  std::vector<ResponseField> fields;
  for (size_t at = 0; at < texts.size(); at += 2) fields.push_back({texts[at], texts[at + 1]});

  const auto has = [context_line](char c) { return context_line.find(c) != std::string_view::npos; };
  http::ResponseContext context;
  context.minor_version = has('0') ? 0 : 1;
  context.head_request = has('h');
  context.keep_alive = !has('c');
  context.date = has('d') ? "Sun, 06 Nov 1994 08:49:37 GMT" : "";
  context.server = server;
  std::optional<uint64_t> body_length;
  if (has('l')) body_length = context_line.size() * 1000;

  const std::string_view before = "before";
  http::ByteBuffer out;
  out.append(before);
  ResponseFraming framing;
  const auto result = http::write_response_head({status, fields, body_length}, context, out, framing);
  EXPECT(out.view().starts_with(before));
  const std::string_view head = out.view().substr(before.size());

  // The same of fields that were looked at before.
  http::PreparedFields prepared;
  EXPECT(http::prepare_fields({status, fields, {}}, prepared).error == result.error);
  if (result.error == http::ResponseError::kNone) {
    http::ByteBuffer again;
    http::write_response_head({status, fields, body_length, &prepared}, context, again, framing);
    EXPECT(again.view() == head);
  }
  if (result.error != http::ResponseError::kNone) {
    EXPECT(head.empty());
    EXPECT(result.field < std::max<size_t>(fields.size(), 1));
  } else {
    const std::vector<SeenField> seen = read_head(head, status);
    expect_framing(seen, framing, context);
    // What the application said and may say is there, in its order and spelling.
    auto next = seen.begin();
    uint32_t dropped = 0;
    for (const ResponseField& field : fields) {
      const FieldName id = http::find_field_name(field.name);
      dropped += http::is_hop_by_hop(id);
      if (http::is_hop_by_hop(id) || id == FieldName::kContentLength) continue;
      next = std::find_if(next, seen.end(), [&field](const SeenField& line) {
        return line.name == field.name && line.value == field.value;
      });
      EXPECT(next != seen.end());
      ++next;
    }
    EXPECT(dropped == framing.dropped_fields);
    EXPECT(dropped == 0 || http::is_hop_by_hop(http::find_field_name(fields[framing.first_dropped].name)));
  }

  http::ByteBuffer answer;
  http::write_error_response(status, server, context, answer);
  const std::string_view text = answer.view();
  const size_t body = text.find("\r\n\r\n") + 4;
  EXPECT(body >= 4);
  const std::string_view answered = text.substr(9, text.find("\r\n") - 9);
  EXPECT(answered == status || answered == "500 Internal Server Error");
  const std::vector<SeenField> lines = read_head(text.substr(0, body), answered);
  EXPECT(find(lines, FieldName::kConnection)->value == "close");
  EXPECT(text.substr(body) == server + "\n" || text.substr(body).empty());
  return 0;
}
