#include "native/http/request_corpus.h"

#include <doctest/doctest.h>

#include "http/request_error.h"
#include "native/http/read_requests.h"

namespace uwsgiref::test {
namespace {

using http::RequestError;

bool is_refused(const ExpectedRequest& expected) { return expected.status != 0; }

/// Reads a file in every way it may arrive, with whatever behind it, each of which must come to the same end.
Reading read_in_every_way(const CorpusFile& file) {
  const size_t most = file.requests.size();
  const Reading at_once = read_requests(file.bytes, whole(file.bytes.size()), most);
  for (const Cuts& cuts : every_feeding(file.bytes.size())) {
    CAPTURE(cuts.front());
    CAPTURE(cuts.size());
    REQUIRE(read_requests(file.bytes, cuts, most) == at_once);
  }
  for (const std::string_view behind : garbage()) {
    CAPTURE(behind);
    const std::string longer = file.bytes + std::string(behind);
    REQUIRE(read_requests(longer, whole(longer.size()), most) == at_once);
  }
  return at_once;
}

void check_accepted(const ExpectedRequest& expected, const ReadRequest& request) {
  CHECK(request.method == expected.method);
  CHECK(request.path == expected.path);
  CHECK(request.query == expected.query);
  CHECK(request.body == expected.body);
  CHECK(request.keep_alive == expected.persists);
  CHECK(request.expect_continue == expected.interim);
}

void check_refused(const ExpectedRequest& expected, const Reading& reading, const CorpusFile& file) {
  CHECK(http::status_code(reading.error) == expected.status);
  CHECK(http::describe(reading.error) == expected.says);
  CHECK(reading.read_to == expected.read_to);
  // The bad byte is an error as soon as it has arrived, and nothing before it is.
  const std::string_view needed = std::string_view(file.bytes).substr(0, expected.read_to);
  const size_t most = file.requests.size();
  CHECK(read_requests(needed, whole(needed.size()), most) == reading);
  const std::string_view before = needed.substr(0, needed.size() - 1);
  const Reading without = read_requests(before, whole(before.size()), most);
  CHECK(without.error == RequestError::kNone);
  CHECK(without.accepted == reading.accepted);
}

TEST_CASE("the corpus of valid requests") {
  const std::vector<CorpusFile> files = read_corpus("valid");
  REQUIRE_FALSE(files.empty());
  for (const CorpusFile& file : files) {
    CAPTURE(file.name);
    const Reading reading = read_in_every_way(file);
    CHECK(reading.error == RequestError::kNone);
    REQUIRE(reading.accepted.size() == file.requests.size());
    for (size_t i = 0; i < file.requests.size(); ++i) check_accepted(file.requests[i], reading.accepted[i]);
    // Only behind a request that closes does a file go on.
    const ReadRequest& last = reading.accepted.back();
    CHECK((last.end == file.bytes.size() || !last.keep_alive));
    // And no request is whole before its last byte.
    const std::string_view before = std::string_view(file.bytes).substr(0, last.end - 1);
    CHECK(read_requests(before, whole(before.size()), file.requests.size()).accepted.size() < file.requests.size());
  }
}

TEST_CASE("the corpus of invalid requests") {
  const std::vector<CorpusFile> files = read_corpus("invalid");
  REQUIRE_FALSE(files.empty());
  for (const CorpusFile& file : files) {
    CAPTURE(file.name);
    const Reading reading = read_in_every_way(file);
    REQUIRE(is_refused(file.requests.back()));
    REQUIRE(reading.accepted.size() == file.requests.size() - 1);
    for (size_t i = 0; i < reading.accepted.size(); ++i) check_accepted(file.requests[i], reading.accepted[i]);
    check_refused(file.requests.back(), reading, file);
  }
}

}  // namespace
}  // namespace uwsgiref::test
