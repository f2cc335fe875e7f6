#include "http/response_writer.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "http/body_decoder.h"
#include "native/split_feed.h"

namespace uwsgiref::test {
namespace {

using namespace http;
using namespace std::string_view_literals;
using Body = ResponseFraming::Body;
using Fields = std::vector<ResponseField>;

struct Written {
  ResponseResult result;
  ResponseFraming framing;
  std::string bytes;
};

/// Writes behind bytes that are already there, as a pipelined answer is.
Written write(std::string_view status, const Fields& fields, std::optional<uint64_t> length = std::nullopt,
              const ResponseContext& context = {}) {
  const std::string_view before = "before";
  ByteBuffer out;
  out.append(before);
  Written written;
  written.result = write_response_head({status, fields, length}, context, out, written.framing);
  REQUIRE(out.view().starts_with(before));
  written.bytes = out.view().substr(before.size());

  PreparedFields prepared;
  const ResponseResult result = prepare_fields({status, fields, {}}, prepared);
  CHECK(result.error == written.result.error);
  CHECK(result.field == written.result.field);
  if (result.error == ResponseError::kNone) {
    ByteBuffer again;
    ResponseFraming framing;
    write_response_head({status, fields, length, &prepared}, context, again, framing);
    CHECK(again.view() == written.bytes);
    CHECK(framing.body == written.framing.body);
    CHECK(framing.keep_alive == written.framing.keep_alive);
    CHECK(framing.content_length == written.framing.content_length);
    CHECK(framing.dropped_fields == written.framing.dropped_fields);
  }
  return written;
}

void refuse(std::string_view status, const Fields& fields, ResponseError error, uint32_t field = 0) {
  CAPTURE(status);
  const Written written = write(status, fields, 5);
  CHECK(written.result.error == error);
  CHECK(written.result.field == field);
  CHECK(written.bytes == "");
}

TEST_CASE("a plain answer") {
  const ResponseContext context{.date = "Sun, 06 Nov 1994 08:49:37 GMT", .server = "uwsgiref"};
  const Written written = write("200 OK", {{"Content-Type", "text/plain"}, {"x-lower", "1"}}, 5, context);
  CHECK(written.result.error == ResponseError::kNone);
  CHECK(written.bytes ==
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: uwsgiref\r\nContent-Type: text/plain\r\n"
        "x-lower: 1\r\nContent-Length: 5\r\n\r\n");
  CHECK(written.framing.body == Body::kLength);
  CHECK(written.framing.content_length == 5);
  CHECK(written.framing.status_code == 200);
  CHECK(written.framing.keep_alive);
  CHECK(written.framing.dropped_fields == 0);
}

TEST_CASE("an application's Date and Server stand in place of the engine's") {
  const ResponseContext context{.date = "now", .server = "engine"};
  CHECK(write("200 OK", {{"server", "mine"}, {"DATE", "then"}}, 0, context).bytes ==
        "HTTP/1.1 200 OK\r\nserver: mine\r\nDATE: then\r\nContent-Length: 0\r\n\r\n");
  CHECK(write("200 OK", {{"Server", ""}}, 0, context).bytes ==
        "HTTP/1.1 200 OK\r\nDate: now\r\nServer: \r\nContent-Length: 0\r\n\r\n");
  // What could not be a field value does not leave, wherever it comes from.
  CHECK(write("200 OK", {}, 0, {.date = "a\r\nb", .server = "c\nd"}).bytes ==
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("statuses") {
  for (const std::string_view status : {"200 ", "200 OK", "404 Not Found", "299 caf\xe9\ttab", "599 x", "999 Custom"}) {
    CAPTURE(status);
    const Written written = write(status, {}, 0);
    CHECK(written.result.error == ResponseError::kNone);
    CHECK(written.bytes == "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 0\r\n\r\n");
    CHECK(written.framing.status_code == std::stoi(std::string(status)));
  }
  for (const std::string_view status : {"",
                                        "2",
                                        "200",
                                        "20 OK",
                                        "2000 OK",
                                        "200OK",
                                        "200\tOK",
                                        "OK 200",
                                        " 200 OK",
                                        "100 Continue",
                                        "101 Switching Protocols",
                                        "199 x",
                                        "000 x",
                                        "099 x",
                                        "2x0 OK",
                                        "-20 OK",
                                        "200 O\nK",
                                        "200 OK\r",
                                        "200 \x7f",
                                        "200 OK\r\nX: y"}) {
    refuse(status, {}, ResponseError::kBadStatus);
  }
  refuse("200 \0"sv, {}, ResponseError::kBadStatus);
}

TEST_CASE("field names") {
  CHECK(write("200 OK", {{"!#$%&'*+-.^_`|~09azAZ", "v"}}, 0).result.error == ResponseError::kNone);
  for (const std::string_view name :
       {""sv, "a b"sv, "a:"sv, "a\r\n"sv, "\0"sv, "caf\xe9"sv, " a"sv, "a "sv, "Content\rLength"sv}) {
    CAPTURE(name);
    refuse("200 OK", {{name, "v"}}, ResponseError::kBadFieldName);
    refuse("200 OK", {{"A", "b"}, {"C", "d"}, {name, "v"}}, ResponseError::kBadFieldName, 2);
  }
}

TEST_CASE("field values") {
  for (int byte = 0; byte < 256; ++byte) {
    CAPTURE(byte);
    for (const std::string before : {"", "sixteen bytes or"}) {
      const std::string value = before + static_cast<char>(byte) + "x";
      const Written written = write("200 OK", {{"A", "b"}, {"C", value}}, 0);
      if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
        CHECK(written.result.error == ResponseError::kBadFieldValue);
        CHECK(written.result.field == 1);
        CHECK(written.bytes == "");
      } else {
        CHECK(written.bytes == "HTTP/1.1 200 OK\r\nA: b\r\nC: " + value + "\r\nContent-Length: 0\r\n\r\n");
      }
    }
  }
  refuse("200 OK", {{"Connection", "close\r\nX: y"}}, ResponseError::kBadFieldValue);  // dropped, but not unseen
}

TEST_CASE("an application's Content-Length") {
  const Written kept = write("200 OK", {{"content-length", "7"}, {"A", "b"}}, 5);
  CHECK(kept.bytes == "HTTP/1.1 200 OK\r\ncontent-length: 7\r\nA: b\r\n\r\n");
  CHECK(kept.framing.body == Body::kLength);
  CHECK(kept.framing.content_length == 7);
  CHECK(write("200 OK", {{"Content-Length", "7"}}).framing.content_length == 7);
  CHECK(write("200 OK", {{"Content-Length", "7"}, {"A", "b"}, {"Content-Length", "7"}}).bytes ==
        "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nA: b\r\n\r\n");
  CHECK(write("200 OK", {{"Content-Length", "9223372036854775807"}}).framing.content_length == 9223372036854775807U);
  for (const std::string_view value : {"", "-1", "+1", " 5", "5 ", "5, 5", "0x5", "9223372036854775808", "1e9"}) {
    CAPTURE(value);
    refuse("200 OK", {{"A", "b"}, {"Content-Length", value}}, ResponseError::kBadContentLength, 1);
    refuse("204 No Content", {{"Content-Length", value}}, ResponseError::kBadContentLength);
  }
  refuse("200 OK", {{"Content-Length", "7"}, {"Content-Length", "8"}}, ResponseError::kRepeatedContentLength, 1);
}

TEST_CASE("framing") {
  const ResponseContext http11, http10{.minor_version = 0}, head{.head_request = true},
      head10{.minor_version = 0, .head_request = true};
  const Fields none, length{{"Content-Length", "7"}};
  struct {
    std::string_view status;
    const Fields& fields;
    std::optional<uint64_t> body_length;
    const ResponseContext& context;
    Body body;
    bool keep_alive;
    std::string_view lines;
  } const cases[] = {
      {"200 OK", none, 5, http11, Body::kLength, true, "Content-Length: 5\r\n"},
      {"200 OK", none, std::nullopt, http11, Body::kChunked, true, "Transfer-Encoding: chunked\r\n"},
      {"200 OK", length, std::nullopt, http11, Body::kLength, true, "Content-Length: 7\r\n"},
      {"200 OK", none, 5, http10, Body::kLength, true, "Content-Length: 5\r\nConnection: keep-alive\r\n"},
      {"200 OK", none, std::nullopt, http10, Body::kClose, false, "Connection: close\r\n"},
      {"200 OK", length, std::nullopt, http10, Body::kLength, true, "Content-Length: 7\r\nConnection: keep-alive\r\n"},
      {"200 OK", none, 5, head, Body::kNone, true, "Content-Length: 5\r\n"},
      {"200 OK", none, std::nullopt, head, Body::kNone, true, ""},
      {"200 OK", length, 5, head, Body::kNone, true, "Content-Length: 7\r\n"},
      {"200 OK", none, std::nullopt, head10, Body::kNone, true, "Connection: keep-alive\r\n"},
      {"204 No Content", none, 0, http11, Body::kNone, true, ""},
      {"204 No Content", none, 5, http11, Body::kNone, true, ""},
      {"204 No Content", length, 5, http11, Body::kNone, true, ""},
      {"204 No Content", length, 5, head, Body::kNone, true, ""},
      {"204 No Content", none, std::nullopt, http11, Body::kNone, true, ""},
      {"204 No Content", none, std::nullopt, http10, Body::kNone, true, "Connection: keep-alive\r\n"},
      {"304 Not Modified", none, 0, http11, Body::kNone, true, ""},
      {"304 Not Modified", none, 5, head, Body::kNone, true, ""},
      {"304 Not Modified", length, 0, http11, Body::kNone, true, ""},
      {"205 Reset Content", none, 0, http11, Body::kLength, true, "Content-Length: 0\r\n"},
  };
  for (const auto& [status, fields, body_length, context, body, keep_alive, lines] : cases) {
    const Written written = write(status, fields, body_length, context);
    CAPTURE(written.bytes);
    CHECK(written.bytes == "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(lines) + "\r\n");
    CHECK(written.framing.body == body);
    CHECK(written.framing.keep_alive == keep_alive);
    CHECK(written.framing.content_length == (body != Body::kLength ? 0 : fields.empty() ? *body_length : 7));
  }
}

TEST_CASE("a connection that is to close") {
  CHECK(write("200 OK", {}, 0, {.keep_alive = false}).bytes ==
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  CHECK(write("200 OK", {}, 0, {.minor_version = 0, .keep_alive = false}).bytes ==
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  for (const std::string_view value : {"close", "Close", "x, CLOSE ,y"}) {
    const Written written = write("200 OK", {{"connection", value}}, 0);
    CHECK(written.bytes == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    CHECK_FALSE(written.framing.keep_alive);
  }
  CHECK(write("200 OK", {{"Connection", "keep-alive"}}, 0).framing.keep_alive);
  CHECK_FALSE(write("200 OK", {{"Connection", "keep-alive"}}, 0, {.keep_alive = false}).framing.keep_alive);
}

TEST_CASE("hop-by-hop fields are dropped and counted") {
  const Written written = write("200 OK",
                                {{"A", "b"},
                                 {"Transfer-Encoding", "chunked"},
                                 {"keep-alive", "timeout=5"},
                                 {"TE", "trailers"},
                                 {"Trailer", "X"},
                                 {"Trailers", "X"},
                                 {"Upgrade", "h2c"},
                                 {"Connection", "upgrade"},
                                 {"Proxy-Authenticate", "Basic"},
                                 {"Proxy-Authorization", "x"},
                                 {"Proxy-Connection", "close"},
                                 {"C", "d"}},
                                3);
  CHECK(written.bytes == "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\nContent-Length: 3\r\n\r\n");
  CHECK(written.framing.dropped_fields == 10);
  CHECK(written.framing.first_dropped == 1);
  CHECK(written.framing.keep_alive);
}

TEST_CASE("many and large fields") {
  const std::string large(100'000, 'v');
  Fields fields;
  std::string expected = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 100; ++i) {
    const bool dropped = i % 10 == 3;
    fields.push_back({dropped ? "Keep-Alive" : "X-Field", i == 50 ? std::string_view(large) : "value"});
    if (!dropped) expected += "X-Field: " + std::string(fields.back().value) + "\r\n";
  }
  fields.push_back({"Content-Length", "1"});
  const Written written = write("200 OK", fields);
  CHECK(written.bytes == expected + "Content-Length: 1\r\n\r\n");
  CHECK(written.framing.dropped_fields == 10);
  CHECK(written.framing.first_dropped == 3);
}

TEST_CASE("the room for the writer's own lines suffices") {
  const std::string date(29, 'd'), server(200, 's');
  const Written written = write("200 OK", {}, std::numeric_limits<uint64_t>::max(),
                                {.minor_version = 0, .keep_alive = true, .date = date, .server = server});
  CHECK(written.bytes == "HTTP/1.1 200 OK\r\nDate: " + date + "\r\nServer: " + server +
                             "\r\nContent-Length: 18446744073709551615\r\nConnection: keep-alive\r\n\r\n");
}

TEST_CASE("chunk sizes") {
  const std::pair<uint64_t, std::string_view> cases[] = {
      {1, "1\r\n"},
      {15, "f\r\n"},
      {16, "10\r\n"},
      {4096, "1000\r\n"},
      {0xabcdef, "abcdef\r\n"},
      {~uint64_t{0}, "ffffffffffffffff\r\n"},
  };
  for (const auto& [size, line] : cases) {
    ByteBuffer out;
    append_chunk_size(size, out);
    CHECK(out.view() == line);
  }
}

TEST_CASE("what is written as chunks is read as chunks") {
  ByteBuffer out;
  for (const std::string_view chunk : {"hello"sv, " "sv, "a chunk with more than sixteen bytes"sv}) {
    append_chunk_size(chunk.size(), out);
    out.append(chunk);
    out.append(kChunkEnd);
  }
  out.append(kLastChunk);
  std::string content;
  BodyDecoder decoder = BodyDecoder::chunked(100);
  std::string_view rest = out.view();
  BodyDecoder::Step step;
  do {
    step = decoder.decode(rest);
    content += step.content;
    rest.remove_prefix(step.consumed);
  } while (step.status == BodyDecoder::Status::kContent);
  CHECK(step.status == BodyDecoder::Status::kDone);
  CHECK(rest.empty());
  CHECK(content == "hello a chunk with more than sixteen bytes");
}

TEST_CASE("an error's answer") {
  const ResponseContext context{.date = "now", .server = "me"};
  const auto error = [](std::string_view status, std::string_view text, const ResponseContext& with) {
    ByteBuffer out;
    write_error_response(status, text, with, out);
    return std::string(out.view());
  };
  CHECK(error("400 Bad Request", "No.", context) ==
        "HTTP/1.1 400 Bad Request\r\nDate: now\r\nServer: me\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: 4\r\nConnection: close\r\n\r\nNo.\n");
  CHECK(error("400 Bad Request", "", {.minor_version = 0}) ==
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 1\r\n"
        "Connection: close\r\n\r\n\n");
  CHECK(error("400 Bad Request", "No.", {.head_request = true}) ==
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n"
        "Connection: close\r\n\r\n");
  CHECK(error("400 Bad\r\nRequest", "No.", {}).starts_with("HTTP/1.1 500 Internal Server Error\r\n"));
}

}  // namespace
}  // namespace uwsgiref::test
