#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "http/request_parser.h"
#include "native/split_feed.h"

namespace uwsgiref::test {

/// All that a RequestParser tells of a head, by value, so that two ways of feeding can be compared.
struct ParsedHead {
  struct Line {
    std::string name;
    std::string value;
    http::FieldName id = http::FieldName::kUnknown;
    bool operator==(const Line&) const = default;
  };

  http::RequestParser::Status status = http::RequestParser::Status::kNeedMore;
  http::RequestError error = http::RequestError::kNone;
  size_t position = 0;  // of the first byte behind the head, or of the bad byte

  // After kComplete:
  http::Method method_id = http::Method::kOther;
  http::TargetForm form = http::TargetForm::kOrigin;
  int minor_version = 0;
  std::string method, target, authority, path, query;
  std::vector<size_t> offsets;
  std::vector<Line> fields;

  bool operator==(const ParsedHead&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const ParsedHead& head) {
  out << "{status " << int(head.status) << " error " << int(head.error) << " position " << head.position << " '"
      << head.method << "' '" << head.target << "' authority '" << head.authority << "' path '" << head.path
      << "' query '" << head.query << "' HTTP/1." << head.minor_version;
  for (const auto& line : head.fields) out << " [" << line.name << ": " << line.value << "] " << int(line.id);
  return out << "}";
}

inline ParsedHead outcome_of(const http::RequestParser& parser, http::RequestParser::Status status,
                             std::string_view head) {
  ParsedHead parsed;
  parsed.status = status;
  parsed.error = parser.error();
  parsed.position = parser.head_size();
  if (status != http::RequestParser::Status::kComplete) return parsed;

  const http::RequestLine& line = parser.request_line();
  parsed.method_id = line.method_id;
  parsed.form = line.form;
  parsed.minor_version = line.minor_version;
  parsed.method = line.method.of(head);
  parsed.target = line.target.of(head);
  parsed.authority = line.authority.of(head);
  parsed.path = line.path.of(head);
  parsed.query = line.query.of(head);
  for (const http::Slice& slice : {line.method, line.target, line.authority, line.path, line.query}) {
    parsed.offsets.insert(parsed.offsets.end(), {slice.begin, slice.end});
  }
  for (const http::Field& field : parser.fields()) {
    parsed.fields.push_back({std::string(field.name.of(head)), std::string(field.value.of(head)), field.id});
    parsed.offsets.insert(parsed.offsets.end(), {field.name.begin, field.name.end, field.value.begin, field.value.end});
  }
  return parsed;
}

/// Feeds `input` as far as each cut in turn, until the parser has made up its mind. Every feed finds the bytes at
/// another address, against an unreadable page.
inline ParsedHead parse_head(std::string_view input, const Cuts& cuts, const http::HeadLimits& limits = {}) {
  // Not cleared between heads, as in the server: what an earlier head left there may not show.
  std::vector<http::Field> fields(limits.max_fields, {{7, 7}, {9, 9}, http::FieldName::kVia});
  http::RequestParser parser(limits, fields);
  GuardedMemory memory(input.size());
  for (const size_t cut : cuts) {
    const std::string_view arrived = memory.place(input.substr(0, cut));
    const auto status = parser.feed(arrived);
    if (status != http::RequestParser::Status::kNeedMore || cut == cuts.back()) {
      return outcome_of(parser, status, arrived);
    }
  }
  return {};
}

/// Like parse_head(), but each feed has a parser and an array of its own, which take the progress over.
inline ParsedHead parse_head_resuming(std::string_view input, const Cuts& cuts, const http::HeadLimits& limits = {}) {
  std::vector<std::vector<http::Field>> arrays(2, std::vector<http::Field>(limits.max_fields));
  std::vector<http::RequestParser> parsers{{limits, arrays[0]}, {limits, arrays[1]}};
  size_t current = 0;
  for (const size_t cut : cuts) {
    const auto status = parsers[current].feed(input.substr(0, cut));
    if (status != http::RequestParser::Status::kNeedMore || cut == cuts.back()) {
      return outcome_of(parsers[current], status, input);
    }
    parsers[1 - current].resume_from(parsers[current]);
    parsers[current].reset();
    for (auto& field : arrays[current]) field = {{7, 7}, {9, 9}, http::FieldName::kVia};
    current = 1 - current;
  }
  return {};
}

}  // namespace uwsgiref::test
