#include "http/request_parser.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "native/http/parsed_head.h"

namespace uwsgiref::test {
namespace {

using http::FieldName;
using http::HeadLimits;
using http::Method;
using http::RequestError;
using http::RequestParser;
using http::TargetForm;
using namespace std::string_literals;
using namespace std::string_view_literals;
using Status = RequestParser::Status;

/// Parses `input` in every way it may arrive, each of which must come to the same end.
ParsedHead parse(std::string_view input, const HeadLimits& limits = {}) {
  CAPTURE(input);
  const ParsedHead at_once = parse_head(input, whole(input.size()), limits);
  for (const Cuts& cuts : every_feeding(input.size())) {
    CAPTURE(cuts.front());
    CAPTURE(cuts.size());
    REQUIRE(parse_head(input, cuts, limits) == at_once);
    REQUIRE(parse_head_resuming(input, cuts, limits) == at_once);
  }
  if (at_once.status == Status::kNeedMore) return at_once;
  for (const std::string_view behind : garbage()) {
    CAPTURE(behind);
    const std::string longer = std::string(input) + std::string(behind);
    REQUIRE(parse_head(longer, whole(longer.size()), limits) == at_once);
  }
  return at_once;
}

/// A head whose last byte is the one that is refused: without it the head is fine so far.
void refuse(std::string_view input, RequestError error, const HeadLimits& limits = {}) {
  CAPTURE(input);
  const ParsedHead parsed = parse(input, limits);
  CHECK(parsed.status == Status::kError);
  CHECK(parsed.error == error);
  CHECK(parsed.position == input.size() - 1);
  const std::string_view before = input.substr(0, input.size() - 1);
  CHECK(parse_head(before, whole(before.size()), limits).status == Status::kNeedMore);
}

std::string with_target(std::string_view method, std::string_view target) {
  return std::string(method) + " " + std::string(target) + " HTTP/1.1\r\n\r\n";
}

TEST_CASE("a browser's request") {
  const std::string_view input =
      "GET /search/caf%C3%A9?q=a+b&lang=en HTTP/1.1\r\n"
      "Host: www.example.com\r\n"
      "user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
      "ACCEPT: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n"
      "X-Trace-Token-With-A-Name-Longer-Than-Thirty-Two-Bytes: 1\r\n"
      "X-Short:two  words\t \r\n"
      "Empty:\r\n"
      "Blank: \t \r\n"
      "Latin: caf\xe9\r\n"
      "Connection: keep-alive\r\n"
      "\r\n";
  const ParsedHead head = parse(input);
  REQUIRE(head.status == Status::kComplete);
  CHECK(head.position == input.size());
  CHECK(head.method == "GET");
  CHECK(head.method_id == Method::kGet);
  CHECK(head.form == TargetForm::kOrigin);
  CHECK(head.target == "/search/caf%C3%A9?q=a+b&lang=en");
  CHECK(head.path == "/search/caf%C3%A9");
  CHECK(head.query == "q=a+b&lang=en");
  CHECK(head.authority == "");
  CHECK(head.minor_version == 1);
  const std::vector<ParsedHead::Line> expected{
      {"Host", "www.example.com", FieldName::kHost},
      {"user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", FieldName::kUserAgent},
      {"ACCEPT", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", FieldName::kAccept},
      {"X-Trace-Token-With-A-Name-Longer-Than-Thirty-Two-Bytes", "1", FieldName::kUnknown},
      {"X-Short", "two  words", FieldName::kUnknown},
      {"Empty", "", FieldName::kUnknown},
      {"Blank", "", FieldName::kUnknown},
      {"Latin", "caf\xe9", FieldName::kUnknown},
      {"Connection", "keep-alive", FieldName::kConnection},
  };
  CHECK(head.fields == expected);
}

TEST_CASE("a head without fields") {
  const ParsedHead head = parse("GET / HTTP/1.0\r\n\r\n");
  REQUIRE(head.status == Status::kComplete);
  CHECK(head.minor_version == 0);
  CHECK(head.fields.empty());
}

TEST_CASE("methods") {
  const std::pair<std::string_view, Method> known[] = {
      {"GET", Method::kGet},
      {"HEAD", Method::kHead},
      {"POST", Method::kPost},
      {"PUT", Method::kPut},
      {"DELETE", Method::kDelete},
      {"OPTIONS", Method::kOptions},
      {"PATCH", Method::kPatch},
      {"TRACE", Method::kTrace},
      {"get", Method::kOther},
      {"Get", Method::kOther},
      {"PURGE", Method::kOther},
      {"M-SEARCH", Method::kOther},
      {"!#$%&'*+-.^_`|~09azAZ", Method::kOther},
      {"X", Method::kOther},
  };
  for (const auto& sample : known) {
    const auto& [method, id] = sample;
    const ParsedHead head = parse(with_target(method, "/"));
    CAPTURE(sample.first);
    REQUIRE(head.status == Status::kComplete);
    CHECK(head.method == method);
    CHECK(head.method_id == id);
  }
  CHECK(parse(with_target(std::string(32, 'M'), "/")).status == Status::kComplete);
  refuse(std::string(33, 'M'), RequestError::kMethodTooLong);
  for (const std::string_view start :
       {" "sv, ":"sv, "\0"sv, "\x80"sv, "GET\t"sv, "GET\r"sv, "GET\n"sv, "G@"sv, "GE\0"sv}) {
    refuse(start, RequestError::kBadMethod);
  }
}

TEST_CASE("empty lines before the request line") {
  for (const std::string_view lines : {"\r\n", "\r\n\r\n"}) {
    const std::string input = std::string(lines) + "GET / HTTP/1.1\r\n\r\n";
    const ParsedHead head = parse(input);
    REQUIRE(head.status == Status::kComplete);
    CHECK(head.position == input.size());
    CHECK(head.method == "GET");
  }
  refuse("\r\n\r\n\r", RequestError::kBadMethod);
  refuse("\n", RequestError::kBadLineEnd);
  refuse("\r\n\n", RequestError::kBadLineEnd);
  refuse("\rG", RequestError::kBadLineEnd);
  refuse("\r\r", RequestError::kBadLineEnd);
}

TEST_CASE("origin-form") {
  struct {
    std::string_view target, path, query;
  } const cases[] = {
      {"/", "/", ""},
      {"//", "//", ""},
      {"/a/b;c=1", "/a/b;c=1", ""},
      {"/?", "/", ""},
      {"/?a=1", "/", "a=1"},
      {"/x?a?b??", "/x", "a?b??"},
      {"/x?/http://y", "/x", "/http://y"},
      {"/\"<>\\^`{|}[]@!$&'()*+,:=~%", "/\"<>\\^`{|}[]@!$&'()*+,:=~%", ""},
      {"/?\"<>\\^`{|}[]@!%", "/", "\"<>\\^`{|}[]@!%"},
      {"/sixteen-bytes-and-more/than-thirty-two?of-the/query-too-as-it-is-long",
       "/sixteen-bytes-and-more/than-thirty-two", "of-the/query-too-as-it-is-long"},
  };
  for (const auto& sample : cases) {
    const auto& [target, path, query] = sample;
    const ParsedHead head = parse(with_target("GET", target));
    CAPTURE(sample.target);
    REQUIRE(head.status == Status::kComplete);
    CHECK(head.form == TargetForm::kOrigin);
    CHECK(head.target == target);
    CHECK(head.path == path);
    CHECK(head.query == query);
    CHECK(head.authority == "");
  }
}

TEST_CASE("every byte in a target") {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    for (const std::string before : {"/", "/a-path-of-sixteen-bytes", "/?", "/?a-query-of-sixteen-bytes"}) {
      const std::string start = "GET " + before + c;
      CAPTURE(byte);
      if (byte > 0x20 && byte < 0x7f && c != '#') {
        REQUIRE(parse_head(start + " HTTP/1.1\r\n\r\n", whole(start.size() + 13)).target == before + c);
      } else if (c != ' ') {
        const ParsedHead head = parse_head(start, whole(start.size()));
        REQUIRE(head.error == RequestError::kBadTarget);
        REQUIRE(head.position == start.size() - 1);
      }
    }
  }
}

TEST_CASE("absolute-form") {
  struct {
    std::string_view target, authority, path, query;
  } const cases[] = {
      {"http://example.com/", "example.com", "/", ""},  {"http://example.com", "example.com", "", ""},
      {"http://example.com?q", "example.com", "", "q"}, {"https://example.com:8443/a?b", "example.com:8443", "/a", "b"},
      {"hTTpS://[::1]:80/", "[::1]:80", "/", ""},       {"HTTP://127.0.0.1:/x", "127.0.0.1:", "/x", ""},
      {"http://a%2Db_c~/@", "a%2Db_c~", "/@", ""},      {"http://s/", "s", "/", ""},
  };
  for (const auto& sample : cases) {
    const auto& [target, authority, path, query] = sample;
    const ParsedHead head = parse(with_target("GET", target));
    CAPTURE(sample.target);
    REQUIRE(head.status == Status::kComplete);
    CHECK(head.form == TargetForm::kAbsolute);
    CHECK(head.target == target);
    CHECK(head.authority == authority);
    CHECK(head.path == path);
    CHECK(head.query == query);
  }
  for (const std::string_view bad : {"f",
                                     "x",
                                     "%",
                                     "?",
                                     "ht:",
                                     "httpx",
                                     "http/",
                                     "httpss",
                                     "http:/e",
                                     "https:x",
                                     "http:///",
                                     "http://?",
                                     "http:// ",
                                     "http://user@",
                                     "http://a:b@",
                                     "http://a#",
                                     "http://:80/",
                                     "http://a:x/",
                                     "http://a:65536/",
                                     "http://[::1/",
                                     "http://[::1]x/",
                                     "http://a%2/",
                                     "http://a%zz/",
                                     "http://[g::]/",
                                     "http://a\"",
                                     "http://a\\",
                                     "http://a/#"}) {
    refuse("GET " + std::string(bad), RequestError::kBadTarget);
  }
  // 0x1a | 0x20 == ':': a comparison that folds case too freely would take this for "http:".
  refuse("GET http\x1a", RequestError::kBadTarget);
}

TEST_CASE("authority-form") {
  const ParsedHead head = parse(with_target("CONNECT", "example.com:443"));
  REQUIRE(head.status == Status::kComplete);
  CHECK(head.method_id == Method::kConnect);
  CHECK(head.form == TargetForm::kAuthority);
  CHECK(head.authority == "example.com:443");
  CHECK(head.path == "");
  CHECK(parse(with_target("CONNECT", "[2001:db8::7]:443")).status == Status::kComplete);
  for (const std::string_view bad :
       {"/", "example.com ", "example.com: ", ":443 ", "a:1/", "a:1?", "a@", " ", "http:/"}) {
    refuse("CONNECT " + std::string(bad), RequestError::kBadTarget);
  }
  refuse("GET e", RequestError::kBadTarget);
}

TEST_CASE("asterisk-form") {
  const ParsedHead head = parse(with_target("OPTIONS", "*"));
  REQUIRE(head.status == Status::kComplete);
  CHECK(head.form == TargetForm::kAsterisk);
  CHECK(head.target == "*");
  CHECK(head.path == "");
  CHECK(parse(with_target("OPTIONS", "/x")).form == TargetForm::kOrigin);
  refuse("OPTIONS *x", RequestError::kBadTarget);
  refuse("OPTIONS **", RequestError::kBadTarget);
  refuse("GET *", RequestError::kBadTarget);
  refuse("PRI *", RequestError::kBadTarget);  // the preface of HTTP/2
}

TEST_CASE("the request line's end") {
  refuse("GET  ", RequestError::kBadTarget);
  refuse("GET \r", RequestError::kBadTarget);
  refuse("GET /\r", RequestError::kBadTarget);
  refuse("GET /\n", RequestError::kBadTarget);
  refuse("GET /\t", RequestError::kBadTarget);
  for (const std::string_view bad : {" ", "\r", "h", "HTTP/1.1 ", "HTTP/1.1\t", "HTTP/1.10", "HTTP/1.1H", "HTTP/1,",
                                     "HTTP/a", "HTTP/1.\r", "HTTP/1.x", "HTTP/11", "HTTPS", "HTTP ", "Ht", "\n"}) {
    refuse("GET / " + std::string(bad), RequestError::kBadVersion);
  }
  for (const std::string_view version : {"HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/1.9", "HTTP/3.1", "HTTP/9.9"}) {
    refuse("GET / " + std::string(version), RequestError::kVersionNotSupported);
  }
  refuse("GET / HTTP/1.1\n", RequestError::kBadLineEnd);
  refuse("GET / HTTP/1.1\r\r", RequestError::kBadLineEnd);
  refuse("GET / HTTP/1.1\rH", RequestError::kBadLineEnd);
  refuse("GET / HTTP/1.0\n", RequestError::kBadLineEnd);
}

TEST_CASE("field names") {
  const std::string start = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool token = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c != '\0' && "!#$%&'*+-.^_`|~"s.find(c) != std::string::npos);
    CAPTURE(byte);
    for (const std::string name : {"N", "A-Name-Longer-Than-The-Longest-Known"}) {
      const std::string input = start + name + c + name + ": v\r\n\r\n";
      const ParsedHead head = parse_head(input, whole(input.size()));
      if (token) {
        REQUIRE(head.status == Status::kComplete);
        REQUIRE(head.fields.back().name == name + c + name);
      } else if (c != ':') {
        REQUIRE(head.error == RequestError::kBadFieldName);
        REQUIRE(head.position == start.size() + name.size());
      }
    }
  }
  refuse(start + ":", RequestError::kBadFieldName);
  refuse(start + "Name ", RequestError::kBadFieldName);
  refuse(start + "Host\t", RequestError::kBadFieldName);
  refuse(start + "Name\r", RequestError::kBadFieldName);
  refuse(start + "Host\n", RequestError::kBadFieldName);
}

TEST_CASE("known names whose hyphen is another byte") {
  // 0x0d | 0x20 == '-': a comparison that folds case too freely would take this for Content-Length.
  const ParsedHead head = parse("GET / HTTP/1.1\r\nContent\rLength: 5\r\n\r\n");
  CHECK(head.error == RequestError::kBadFieldName);
  CHECK(head.position == 23);
}

TEST_CASE("obsolete folding") {
  refuse("GET / HTTP/1.1\r\nA: b\r\n ", RequestError::kObsoleteFolding);
  refuse("GET / HTTP/1.1\r\nA: b\r\n\t", RequestError::kObsoleteFolding);
  refuse("GET / HTTP/1.1\r\n ", RequestError::kObsoleteFolding);
}

TEST_CASE("field values") {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    CAPTURE(byte);
    for (const std::string before : {"", "v", "a value of sixteen bytes", "a value of two times sixteen bytes."}) {
      const std::string start = "GET / HTTP/1.1\r\nA: " + before;
      const std::string input = start + c + "w\r\n\r\n";
      const ParsedHead head = parse_head(input, whole(input.size()));
      if (byte >= 0x80 || (byte > 0x20 && byte < 0x7f)) {
        REQUIRE(head.status == Status::kComplete);
        REQUIRE(head.fields[0].value == before + c + "w");
      } else if (c == ' ' || c == '\t') {
        REQUIRE(head.status == Status::kComplete);
        REQUIRE(head.fields[0].value == (before.empty() ? "w" : before + c + "w"));
      } else {
        REQUIRE(head.error == (c == '\r' || c == '\n' ? RequestError::kBadLineEnd : RequestError::kBadFieldValue));
        REQUIRE(head.position == start.size() + (c == '\r' ? 1 : 0));
      }
    }
  }
  refuse("GET / HTTP/1.1\r\nA:\n", RequestError::kBadLineEnd);
  refuse("GET / HTTP/1.1\r\nA: v\r\r", RequestError::kBadLineEnd);
  refuse("GET / HTTP/1.1\r\nA: v\rB", RequestError::kBadLineEnd);
  refuse("GET / HTTP/1.1\r\nA: v\r ", RequestError::kBadLineEnd);
  refuse("GET / HTTP/1.1\r\nA: \0"sv, RequestError::kBadFieldValue);
  refuse("GET / HTTP/1.1\r\nA: v\x7f", RequestError::kBadFieldValue);
}

TEST_CASE("the blank line") {
  refuse("GET / HTTP/1.1\r\n\n", RequestError::kBadLineEnd);
  refuse("GET / HTTP/1.1\r\n\r\r", RequestError::kBadLineEnd);
  refuse("GET / HTTP/1.1\r\nA: b\r\n\n", RequestError::kBadLineEnd);
  refuse("GET / HTTP/1.1\r\nA: b\r\n\rx", RequestError::kBadLineEnd);
}

TEST_CASE("the limit on the head's size") {
  const std::string input = "\r\nGET /path HTTP/1.1\r\nHost: example.com\r\nA: b\r\n\r\n";
  const auto size = static_cast<uint32_t>(input.size());
  const auto target = static_cast<uint32_t>(input.find("/path"));
  CHECK(parse(input, {.max_head_size = size}).status == Status::kComplete);
  for (uint32_t limit = 0; limit < size; ++limit) {
    CAPTURE(limit);
    // Only the byte beyond the limit is too many.
    CHECK(parse_head(input.substr(0, limit), whole(limit), {.max_head_size = limit}).status == Status::kNeedMore);
    // Where the limit cuts the target off, or the space that ends it, the target is what is too long.
    const bool in_target = limit > target && limit <= target + 5;
    refuse(input.substr(0, limit + 1), in_target ? RequestError::kTargetTooLong : RequestError::kHeadTooLarge,
           {.max_head_size = limit});
  }
  // An error within the limit comes before the limit.
  CHECK(parse("GET / HTTP/1.1\r\nA: \x01" + std::string(40, 'x'), {.max_head_size = 24}).error ==
        RequestError::kBadFieldValue);
}

TEST_CASE("the limit on the target's length") {
  const HeadLimits limits{.max_target_length = 20};
  for (const std::string start :
       {"/", "/?", "/path?", "http://", "https://", "http://a/", "http://a?", "http://a/b?"}) {
    const std::string longest = start + std::string(20 - start.size(), 'x');
    CAPTURE(longest);
    CHECK(parse(with_target("GET", longest), limits).status == Status::kComplete);
    refuse("GET " + longest + "y", RequestError::kTargetTooLong, limits);
    refuse("GET " + longest + "?", RequestError::kTargetTooLong, limits);
    // The byte that is too many may be bad as well; then it is that.
    refuse("GET " + longest + "#", RequestError::kBadTarget, limits);
  }
  refuse("CONNECT " + std::string(21, 'x'), RequestError::kTargetTooLong, limits);
  refuse("GET http://", RequestError::kTargetTooLong, {.max_target_length = 6});
  refuse("GET ht", RequestError::kTargetTooLong, {.max_target_length = 1});
  CHECK(parse("OPTIONS * HTTP/1.1\r\n\r\n", {.max_target_length = 1}).status == Status::kComplete);
  refuse("OPTIONS *", RequestError::kTargetTooLong, {.max_target_length = 0});
}

TEST_CASE("the limit on the number of fields") {
  const std::string start = "GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\n";
  CHECK(parse(start + "\r\n", {.max_fields = 3}).fields.size() == 3);
  refuse(start + "D", RequestError::kTooManyFields, {.max_fields = 3});
  refuse(start + ":", RequestError::kBadFieldName, {.max_fields = 3});
  refuse("GET / HTTP/1.1\r\nA", RequestError::kTooManyFields, {.max_fields = 0});
  CHECK(parse("GET / HTTP/1.1\r\n\r\n", {.max_fields = 0}).status == Status::kComplete);
}

TEST_CASE("an array smaller than the limit bounds the fields too") {
  std::array<http::Field, 1> fields;
  RequestParser parser({}, fields);
  CHECK(parser.feed("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\n\r\n") == Status::kError);
  CHECK(parser.error() == RequestError::kTooManyFields);
}

TEST_CASE("progress that does not fit the array it is taken over into") {
  std::array<http::Field, 3> many;
  std::array<http::Field, 1> one;
  RequestParser from({}, many);
  REQUIRE(from.feed("GET / HTTP/1.1\r\nA: 1\r\nB") == Status::kNeedMore);
  RequestParser to({}, one);
  to.resume_from(from);
  CHECK(to.feed("GET / HTTP/1.1\r\nA: 1\r\nB") == Status::kError);
  CHECK(to.error() == RequestError::kTooManyFields);
  CHECK(to.fields().size() == 1);
}

TEST_CASE("a parser is as new after reset") {
  std::array<http::Field, 4> fields;
  RequestParser parser({}, fields);
  const std::string_view absolute = "GET http://h/p?q HTTP/1.0\r\nHost: h\r\nVia: x\r\n\r\n";
  const std::string_view plain = "\r\nOPTIONS * HTTP/1.1\r\nA: b\r\n\r\n";
  const std::string_view bad = "GET / HTTP/1.1\r\nHost x";
  const ParsedHead expected = parse_head(plain, whole(plain.size()));
  for (const std::string_view before : {absolute, plain, bad, plain.substr(0, 25), ""sv}) {
    parser.reset();
    parser.feed(before);
    parser.reset();
    CHECK(parser.error() == RequestError::kNone);
    const auto status = parser.feed(plain);
    CHECK(outcome_of(parser, status, plain) == expected);
  }
}

TEST_CASE("a verdict stands when asked again") {
  std::array<http::Field, 4> fields;
  RequestParser parser({}, fields);
  const std::string_view good = "GET / HTTP/1.1\r\nA: b\r\n\r\n";
  CHECK(parser.feed(good) == Status::kComplete);
  CHECK(parser.feed(good) == Status::kComplete);
  CHECK(parser.head_size() == good.size());
  parser.reset();
  CHECK(parser.feed("\n") == Status::kError);
  CHECK(parser.feed("\n...") == Status::kError);
  CHECK(parser.error() == RequestError::kBadLineEnd);
}

TEST_CASE("a long head") {
  std::string input = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 100; ++i) input += "X-Field-" + std::to_string(i) + ": " + std::string(i, 'v') + "\r\n";
  const size_t before_blank = input.size();
  input += "\r\n";
  const ParsedHead head = parse(input);
  REQUIRE(head.status == Status::kComplete);
  REQUIRE(head.fields.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(head.fields[i].value == std::string(i, 'v'));
  refuse(input.substr(0, before_blank) + "X", RequestError::kTooManyFields);
}

}  // namespace
}  // namespace uwsgiref::test
