#include "http/request_framing.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "native/http/parsed_head.h"

namespace uwsgiref::test {
namespace {

using namespace http;
using Body = RequestFraming::Body;

struct Verdict {
  RequestError error = RequestError::kNone;
  RequestFraming framing;
};

Verdict frame(std::string_view head) {
  std::array<Field, 16> fields;
  RequestParser parser({}, fields);
  REQUIRE(parser.feed(head) == RequestParser::Status::kComplete);
  GuardedMemory memory(head.size());
  Verdict verdict;
  verdict.error = frame_request(parser.request_line(), parser.fields(), memory.place(head), verdict.framing);
  return verdict;
}

Verdict frame11(std::string_view fields) {
  return frame("POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n");
}
Verdict frame10(std::string_view fields) { return frame("POST / HTTP/1.0\r\n" + std::string(fields) + "\r\n"); }

void refuse11(std::string_view fields, RequestError error) {
  CAPTURE(fields);
  CHECK(frame11(fields).error == error);
}

TEST_CASE("a request without a body") {
  const Verdict verdict = frame11("");
  CHECK(verdict.error == RequestError::kNone);
  CHECK(verdict.framing.body == Body::kNone);
  CHECK(verdict.framing.content_length == 0);
  CHECK(verdict.framing.keep_alive);
  CHECK_FALSE(verdict.framing.expect_continue);
}

TEST_CASE("what an earlier request left is overwritten") {
  std::array<Field, 1> fields;
  RequestParser parser({}, fields);
  const std::string_view head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  REQUIRE(parser.feed(head) == RequestParser::Status::kComplete);
  RequestFraming framing{Body::kChunked, false, true, 99};
  CHECK(frame_request(parser.request_line(), parser.fields(), head, framing) == RequestError::kNone);
  CHECK(framing.body == Body::kNone);
  CHECK(framing.keep_alive);
  CHECK_FALSE(framing.expect_continue);
  CHECK(framing.content_length == 0);
}

TEST_CASE("Host") {
  for (const std::string_view host : {"a", "", "example.com:80", "[::1]:8080", "127.0.0.1", "a_b"}) {
    CAPTURE(host);
    CHECK(frame("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n").error == RequestError::kNone);
    CHECK(frame("GET / HTTP/1.0\r\nHost: " + std::string(host) + "\r\n\r\n").error == RequestError::kNone);
  }
  for (const std::string_view host : {":80", "a b", "a,b", "user@a", "a/b", "http://a", "a:b", "[::1", "a\"", "\xff"}) {
    CAPTURE(host);
    const RequestError expected = host == "a,b" ? RequestError::kNone : RequestError::kBadHost;  // "," is a sub-delim
    CHECK(frame("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n").error == expected);
    CHECK(frame("GET / HTTP/1.0\r\nHost: " + std::string(host) + "\r\n\r\n").error == expected);
  }
  CHECK(frame("GET / HTTP/1.1\r\n\r\n").error == RequestError::kMissingHost);
  CHECK(frame("GET / HTTP/1.1\r\nX-Host: a\r\n\r\n").error == RequestError::kMissingHost);
  CHECK(frame("GET http://a/ HTTP/1.1\r\n\r\n").error == RequestError::kMissingHost);
  CHECK(frame("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n").error == RequestError::kNone);
  CHECK(frame("GET http://a/ HTTP/1.1\r\nHost: /\r\n\r\n").error == RequestError::kBadHost);
  CHECK(frame("GET / HTTP/1.0\r\n\r\n").error == RequestError::kNone);
  CHECK(frame("GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n").error == RequestError::kRepeatedHost);
  refuse11("Host: a\r\n", RequestError::kRepeatedHost);
  refuse11("HOST:\r\n", RequestError::kRepeatedHost);
}

TEST_CASE("CONNECT") {
  for (const std::string_view rest : {"Host: a:443\r\n\r\n", "\r\n", "Host: a\r\nContent-Length: x\r\n\r\n"}) {
    CAPTURE(rest);
    for (const std::string_view version : {"HTTP/1.1", "HTTP/1.0"}) {
      const std::string head = "CONNECT a:443 " + std::string(version) + "\r\n" + std::string(rest);
      CHECK(frame(head).error == RequestError::kNoTunnel);
    }
  }
  CHECK(frame("connect / HTTP/1.1\r\nHost: a\r\n\r\n").error == RequestError::kNone);
}

TEST_CASE("Content-Length") {
  const std::pair<std::string_view, uint64_t> lengths[] = {
      {"Content-Length: 0\r\n", 0},
      {"content-length:5\r\n", 5},
      {"Content-Length: 005\r\n", 5},
      {"Content-Length: 9223372036854775807\r\n", 9223372036854775807U},
      {"Content-Length: 00000000000000000000000000000007\r\n", 7},
      {"Content-Length: 5, 5\r\n", 5},
      {"Content-Length: 5,5 , 05\r\n", 5},
      {"Content-Length: 5\r\nContent-Length: 5\r\n", 5},
      {"Content-Length: 5\r\nContent-Length: 5,5\r\n", 5},
  };
  for (const auto& sample : lengths) {
    const auto& [fields, length] = sample;
    CAPTURE(sample.first);
    const Verdict verdict = frame11(fields);
    CHECK(verdict.error == RequestError::kNone);
    CHECK(verdict.framing.body == Body::kLength);
    CHECK(verdict.framing.content_length == length);
    CHECK(frame10(fields).framing.content_length == length);
  }
  for (const std::string_view value : {"",
                                       "-1",
                                       "+1",
                                       "1.0",
                                       "0x10",
                                       "1e3",
                                       "5 5",
                                       "a",
                                       "5a",
                                       "9223372036854775808",
                                       "18446744073709551616",
                                       "18446744073709551621",
                                       "99999999999999999999999999",
                                       "5,",
                                       ",5",
                                       ",",
                                       "5,,5",
                                       "5;5",
                                       "\"5\"",
                                       "\xd9\xa1"}) {
    refuse11("Content-Length: " + std::string(value) + "\r\n", RequestError::kBadContentLength);
  }
  refuse11("Content-Length: 5, 6\r\n", RequestError::kConflictingContentLength);
  refuse11("Content-Length: 5\r\nContent-Length: 6\r\n", RequestError::kConflictingContentLength);
  refuse11("Content-Length: 5, 5\r\nA: b\r\nContent-Length: 0\r\n", RequestError::kConflictingContentLength);
  refuse11("Content-Length: 5\r\nContent-Length: x\r\n", RequestError::kBadContentLength);
}

TEST_CASE("Transfer-Encoding") {
  for (const std::string_view fields : {"Transfer-Encoding: chunked\r\n", "transfer-encoding:\tChUnKeD \r\n"}) {
    CAPTURE(fields);
    const Verdict verdict = frame11(fields);
    CHECK(verdict.error == RequestError::kNone);
    CHECK(verdict.framing.body == Body::kChunked);
    CHECK(verdict.framing.content_length == 0);
  }
  for (const std::string_view value : {"",
                                       ",",
                                       "chunked, chunked",
                                       "chunked,chunked",
                                       "chunked, gzip",
                                       "gzip",
                                       "identity",
                                       "chunked, identity",
                                       "gzip, chunked, gzip",
                                       ", chunked",
                                       "chunked,",
                                       "gzip,, chunked",
                                       "chunked;a=b",
                                       "chunked;",
                                       "chunked ; a",
                                       "chunk ed",
                                       "\"chunked\"",
                                       "chunked\xa0",
                                       "\xa0"
                                       "chunked",
                                       "xchunked",
                                       "chunkedx",
                                       "gzip; q=\"a,b\", chunked",
                                       "chunked\tchunked",
                                       "[chunked]"}) {
    refuse11("Transfer-Encoding: " + std::string(value) + "\r\n", RequestError::kBadTransferEncoding);
  }
  refuse11("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", RequestError::kBadTransferEncoding);
  refuse11("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n", RequestError::kBadTransferEncoding);
  refuse11("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n", RequestError::kBadTransferEncoding);
  refuse11("Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n", RequestError::kBadTransferEncoding);
  for (const std::string_view value :
       {"gzip, chunked", "identity,chunked", "gzip;q=1, chunked", "x, y, chunked", "xchunked, chunked"}) {
    refuse11("Transfer-Encoding: " + std::string(value) + "\r\n", RequestError::kUnknownTransferCoding);
  }
  refuse11("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", RequestError::kUnknownTransferCoding);
}

TEST_CASE("both framings, and Transfer-Encoding on HTTP/1.0") {
  refuse11("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", RequestError::kLengthAndTransferEncoding);
  refuse11("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", RequestError::kLengthAndTransferEncoding);
  refuse11("Content-Length: 5\r\nTransfer-Encoding: gzip\r\n", RequestError::kLengthAndTransferEncoding);
  CHECK(frame10("Transfer-Encoding: chunked\r\n").error == RequestError::kTransferEncodingInHttp10);
  CHECK(frame10("Transfer-Encoding: identity\r\n").error == RequestError::kTransferEncodingInHttp10);
  CHECK(frame10("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n").error ==
        RequestError::kTransferEncodingInHttp10);
}

TEST_CASE("persistence") {
  struct {
    std::string_view fields;
    bool http11, http10;
  } const cases[] = {
      {"", true, false},
      {"Connection: close\r\n", false, false},
      {"Connection: CLOSE\r\n", false, false},
      {"Connection: keep-alive\r\n", true, true},
      {"Connection: Keep-Alive\r\n", true, true},
      {"Connection: keep-alive, close\r\n", false, false},
      {"Connection: close\r\nConnection: keep-alive\r\n", false, false},
      {"Connection: keep-alive\r\nConnection: close\r\n", false, false},
      {"Connection: upgrade, , keep-alive\r\n", true, true},
      {"Connection: upgrade , close ,\r\n", false, false},
      {"Connection: close, x\r\n", false, false},
      {"Connection: closed\r\n", true, false},
      {"Connection: xclose, keep-alives\r\n", true, false},
      {"Connection: no-op\r\nX-Connection: close\r\n", true, false},
      {"Connection:\r\n", true, false},
      {"Proxy-Connection: keep-alive\r\n", true, false},
  };
  for (const auto& sample : cases) {
    const auto& [fields, http11, http10] = sample;
    CAPTURE(sample.fields);
    CHECK(frame11(fields).framing.keep_alive == http11);
    CHECK(frame10(fields).framing.keep_alive == http10);
  }
}

TEST_CASE("expectations") {
  const std::string body = "Content-Length: 1\r\n";
  for (const std::string_view value : {"100-continue", "100-CONTINUE", "100-continue, 100-Continue", ",100-continue"}) {
    CAPTURE(value);
    const std::string expect = "Expect: " + std::string(value) + "\r\n";
    CHECK(frame11(body + expect).framing.expect_continue);
    CHECK(frame11(expect + "Transfer-Encoding: chunked\r\n").framing.expect_continue);
    // Nothing to wait for.
    CHECK_FALSE(frame11(expect).framing.expect_continue);
    CHECK_FALSE(frame11(expect + "Content-Length: 0\r\n").framing.expect_continue);
    CHECK_FALSE(frame10(body + expect).framing.expect_continue);
  }
  for (const std::string_view value : {"200-ok", "100-continue, x", "x, 100-continue", "100-continue;q=1", "100"}) {
    refuse11(body + "Expect: " + std::string(value) + "\r\n", RequestError::kUnknownExpectation);
    CHECK(frame10(body + "Expect: " + std::string(value) + "\r\n").error == RequestError::kNone);
  }
  CHECK_FALSE(frame11(body + "Expect:\r\n").framing.expect_continue);
}

}  // namespace
}  // namespace uwsgiref::test
