#include "http/body_decoder.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "native/http/decoded_body.h"

namespace uwsgiref::test {
namespace {

using http::BodyDecoder;
using http::RequestError;
using namespace std::string_literals;
using namespace std::string_view_literals;
using Status = BodyDecoder::Status;

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

/// Decodes `input` in every way it may arrive, each of which must come to the same end.
DecodedBody decode(const BodyDecoder& decoder, std::string_view input) {
  CAPTURE(input.substr(0, 200));
  const DecodedBody at_once = decode_body(decoder, input, whole(input.size()));
  for (const Cuts& cuts : every_feeding(input.size())) {
    CAPTURE(cuts.front());
    CAPTURE(cuts.size());
    REQUIRE(decode_body(decoder, input, cuts) == at_once);
  }
  if (at_once.status == Status::kNeedMore) return at_once;
  for (const std::string_view behind : garbage()) {
    CAPTURE(behind);
    const std::string longer = std::string(input) + std::string(behind);
    REQUIRE(decode_body(decoder, longer, whole(longer.size())) == at_once);
  }
  return at_once;
}

DecodedBody decode_chunked(std::string_view input, uint64_t max_size = kNoLimit) {
  return decode(BodyDecoder::chunked(max_size), input);
}

void accept(std::string_view input, std::string_view content, uint64_t max_size = kNoLimit) {
  CAPTURE(input);
  const DecodedBody body = decode_chunked(input, max_size);
  CHECK(body.status == Status::kDone);
  CHECK(body.error == RequestError::kNone);
  CHECK(body.consumed == input.size());
  CHECK(body.content == content);
}

/// The last byte of `input` is the one that is refused.
void refuse(std::string_view input, RequestError error, uint64_t max_size = kNoLimit) {
  CAPTURE(input.substr(0, 200));
  const DecodedBody body = decode_chunked(input, max_size);
  CHECK(body.status == Status::kError);
  CHECK(body.error == error);
  CHECK(body.consumed == input.size() - 1);
}

TEST_CASE("a body with a length") {
  for (const size_t length : {1, 2, 5, 40}) {
    const std::string content(length, 'x');
    const DecodedBody body = decode(BodyDecoder::with_length(length, length), content);
    CHECK(body.status == Status::kDone);
    CHECK(body.consumed == length);
    CHECK(body.content == content);
    const DecodedBody less = decode(BodyDecoder::with_length(length, length), content.substr(1));
    CHECK(less.status == Status::kNeedMore);
    CHECK(less.content == content.substr(1));
  }
}

TEST_CASE("a body of no bytes is done before any arrives") {
  BodyDecoder decoder = BodyDecoder::with_length(0, 0);
  const BodyDecoder::Step step = decoder.decode("GET / HTTP/1.1\r\n\r\n");
  CHECK(step.status == Status::kDone);
  CHECK(step.consumed == 0);
  CHECK(step.content.empty());
  CHECK(BodyDecoder::with_length(0, 10).decode("").status == Status::kDone);
}

TEST_CASE("content comes back as a view, then the end") {
  BodyDecoder decoder = BodyDecoder::with_length(5, 5);
  const std::string_view input = "hello, next";
  const BodyDecoder::Step content = decoder.decode(input);
  CHECK(content.status == Status::kContent);
  CHECK(content.content.data() == input.data());
  CHECK(content.content == "hello");
  CHECK(content.consumed == 5);
  const BodyDecoder::Step end = decoder.decode(input.substr(5));
  CHECK(end.status == Status::kDone);
  CHECK(end.consumed == 0);
}

TEST_CASE("a length beyond the bound") {
  CHECK(decode(BodyDecoder::with_length(10, 10), "0123456789").status == Status::kDone);
  for (const std::string_view input : {""sv, "0123456789"sv}) {
    BodyDecoder decoder = BodyDecoder::with_length(11, 10);
    const BodyDecoder::Step step = decoder.decode(input);
    CHECK(step.status == Status::kError);
    CHECK(step.error == RequestError::kBodyTooLarge);
    CHECK(step.consumed == 0);
  }
  CHECK(BodyDecoder::with_length(kNoLimit, kNoLimit).decode("x").status == Status::kContent);
}

TEST_CASE("chunks") {
  accept("0\r\n\r\n", "");
  accept("5\r\nhello\r\n0\r\n\r\n", "hello");
  accept("5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n", "hello world");
  accept("0000000000000005\r\nhello\r\n00\r\n\r\n", "hello");
  accept("a\r\n0123456789\r\nB\r\n0123456789a\r\n000\r\n\r\n", "01234567890123456789a");
  accept("4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n");
  accept("3\r\n\0\xff\r\r\n0\r\n\r\n"sv, "\0\xff\r"sv);
  const std::string long_content(300, 'c');
  accept("12C\r\n" + long_content + "\r\n0\r\n\r\n", long_content);
}

TEST_CASE("chunks that end early need more") {
  const std::string_view input = "5;a=\"b\"\r\nhello\r\n0\r\nA: b\r\n\r\n";
  for (size_t size = 0; size < input.size(); ++size) {
    CAPTURE(size);
    CHECK(decode_chunked(input.substr(0, size)).status == Status::kNeedMore);
  }
}

TEST_CASE("chunk sizes") {
  for (const std::string_view start :
       {"\r",    "\n", " ",  "\t", ";",   "g",    "-",   "+",     "x",     "0x",  "5\n", "5\r5",
        "5\r\r", "5g", "5,", "5-", "5\v", "5 \r", "5 5", "5\t\n", "5\x80", "5\"", "5="}) {
    refuse(start, RequestError::kBadChunkSize);
  }
  refuse("5\0"sv, RequestError::kBadChunkSize);
  refuse("5\r\nhello\r\n\r", RequestError::kBadChunkSize);
  refuse("ffffffffffffffff0", RequestError::kBadChunkSize);
  refuse("00000000000000000", RequestError::kBadChunkSize);
  CHECK(decode_chunked("ffffffffffffffff\r\nx").content == "x");
  CHECK(decode_chunked("7FFFFFFFFFFFFFFF\r\nx").content == "x");
}

TEST_CASE("a chunk's end") {
  refuse("5\r\nhello\n", RequestError::kBadChunkEnd);
  refuse("5\r\nhello!", RequestError::kBadChunkEnd);
  refuse("5\r\nhello\r\r", RequestError::kBadChunkEnd);
  refuse("5\r\nhello\r0", RequestError::kBadChunkEnd);
  refuse("5\r\nhello0", RequestError::kBadChunkEnd);
}

TEST_CASE("chunk extensions") {
  for (const std::string_view extension :
       {";a", ";a=b", ";a=\"b\"", ";a=\"\"", ";a;b", ";a=1;b=\"2\";c", " ;a", "\t;\ta", " ; a = b ; c = \"d\" ; e",
        ";a =b", ";a= b", ";a=\"x \t;=,\"", ";a=\"\\\"\\\\\\ \\\t\xff\"", ";a=\"\xe9\"", ";!#$%&'*+-.^_`|~=~",
        ";a=b ;c", ";a=\"b\" ;c", ";a ;b"}) {
    accept("5" + std::string(extension) + "\r\nhello\r\n0" + std::string(extension) + "\r\n\r\n", "hello");
  }
  for (const std::string_view bad :
       {";\r",     ";;",        ";=",        ";a=\r",       ";a=;",        ";a==",      ";a b",       ";a \r",
        ";a=b \r", ";a=b c",    ";a=b=",     ";a=\"b\" \r", ";a=\"b\"c",   ";a=\"b\"=", ";a=\"b\"\"", ";a=\"\r",
        ";a=\"\n", ";a=\"\\\r", ";a=\"\\\n", ";a=\"\x7f",   ";a=\"\\\x01", ";a\n",      ";a=b\n",     ";\n",
        ";a=\n",   ";a:",       ";a(",       ";\"",         ";a\"",        ";a=b\"",    ";\x80",      ";a\x80",
        ";a=\x80", " \r",       " \n",       " a",          "  5",         ";a \n",     ";a=\"b\"\n", ";a=b,"}) {
    refuse("5" + std::string(bad), RequestError::kBadChunkSize);
  }
}

TEST_CASE("the limit on one chunk-size line") {
  const size_t most = BodyDecoder::kMaxChunkLine;
  const std::string longest = "5;" + std::string(most - 2, 'x');
  CHECK(decode_chunked(longest + "\r\nhello\r\n0\r\n\r\n").status == Status::kDone);
  refuse(longest + "x", RequestError::kChunkExtensionTooLong);
  refuse(longest + ";", RequestError::kChunkExtensionTooLong);
  const std::string quoted = "5;a=\"" + std::string(most - 6, 'x') + "\"";
  CHECK(decode_chunked(quoted + "\r\nhello\r\n0\r\n\r\n").status == Status::kDone);
  refuse(quoted + " ", RequestError::kChunkExtensionTooLong);
}

TEST_CASE("the limit on all extensions of a body") {
  // Eight chunks with a share each fill the bound exactly.
  const size_t share = BodyDecoder::kMaxExtensions / 8;
  std::string input;
  for (int chunk = 0; chunk < 8; ++chunk) input += "1;" + std::string(share - 1, 'x') + "\r\n.\r\n";
  const DecodedBody body = decode_chunked(input + "0\r\n\r\n");
  CHECK(body.status == Status::kDone);
  CHECK(body.content == "........");
  refuse(input + "0;", RequestError::kChunkExtensionTooLong);
}

TEST_CASE("the limit on the content of chunks") {
  accept("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", "helloworld", 10);
  refuse("5\r\nhello\r\n6", RequestError::kBodyTooLarge, 10);
  refuse("b", RequestError::kBodyTooLarge, 10);
  refuse("10", RequestError::kBodyTooLarge, 10);
  refuse("1", RequestError::kBodyTooLarge, 0);
  accept("0\r\n\r\n", "", 0);
  refuse("ffffffffffffffff\r\nx"sv.substr(0, 16), RequestError::kBodyTooLarge, kNoLimit - 1);
  // Sizes whose sum overflows 64 bits are beyond any bound.
  refuse("1\r\n.\r\nffffffffffffffff", RequestError::kBodyTooLarge, kNoLimit);
}

TEST_CASE("trailers are checked and dropped") {
  accept("0\r\nA: b\r\n\r\n", "");
  accept("1\r\nx\r\n0;q\r\nExpires: Wed, 21 Oct 2015 07:28:00 GMT\r\nEmpty:\r\nX:\t caf\xe9 \r\n\r\n", "x");
  for (const std::string_view bad :
       {"\n",      "\r\r",      "\rA",        " ",          "\t",        ":",        "A\r",
        "A\n",     "A ",        "A\x80",      "A: b\n",     "A: b\x01",  "A: b\x7f", "A: b\r\r",
        "A: b\rB", "A: b\r\n ", "A: b\r\n\t", "A: b\r\n\n", "A: b\r\n:", "(",        "A: b\r\n\rx"}) {
    refuse("0\r\n" + std::string(bad), RequestError::kBadTrailer);
  }
  refuse("0\r\nA: \0"sv, RequestError::kBadTrailer);
}

TEST_CASE("the limit on the trailer section") {
  const size_t most = BodyDecoder::kMaxTrailerSection;
  const std::string start = "0\r\nA: ";
  const std::string longest = start + std::string(most - 7, 'x') + "\r\n\r\n";
  CHECK(decode_chunked(longest).status == Status::kDone);
  refuse(start + std::string(most - 6, 'x') + "\r\n\r\n", RequestError::kTrailerTooLarge);
  refuse(start + std::string(most - 3, 'x') + "x", RequestError::kTrailerTooLarge);
}

}  // namespace
}  // namespace uwsgiref::test
