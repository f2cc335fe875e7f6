#include "http/request_error.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace uwsgiref::test {
namespace {

using namespace http;

TEST_CASE("every error has a status and a sentence") {
  std::set<std::string_view> sentences;
  for (uint8_t index = 1; index < static_cast<uint8_t>(RequestError::kCount); ++index) {
    const auto error = static_cast<RequestError>(index);
    CAPTURE(int(index));
    const uint16_t code = status_code(error);
    CHECK(std::set<int>{400, 403, 408, 413, 414, 417, 431, 500, 501, 505}.contains(code));
    CHECK(std::string(status_of(error)).starts_with(std::to_string(code) + " "));
    const std::string_view sentence = describe(error);
    CHECK(sentence.ends_with('.'));
    CHECK(sentence.find_first_of("\r\n") == std::string_view::npos);
    CHECK(sentences.insert(sentence).second);
  }
}

TEST_CASE("the statuses that are not 400") {
  const std::pair<RequestError, std::string_view> cases[] = {
      {RequestError::kBadMethod, "400 Bad Request"},
      {RequestError::kNoClientCertificate, "403 Forbidden"},
      {RequestError::kHeadTimeout, "408 Request Timeout"},
      {RequestError::kBodyTimeout, "408 Request Timeout"},
      {RequestError::kBodyTooLarge, "413 Content Too Large"},
      {RequestError::kTargetTooLong, "414 URI Too Long"},
      {RequestError::kUnknownExpectation, "417 Expectation Failed"},
      {RequestError::kHeadTooLarge, "431 Request Header Fields Too Large"},
      {RequestError::kTooManyFields, "431 Request Header Fields Too Large"},
      {RequestError::kTrailerTooLarge, "431 Request Header Fields Too Large"},
      {RequestError::kBodyNotStored, "500 Internal Server Error"},
      {RequestError::kMethodTooLong, "501 Not Implemented"},
      {RequestError::kNoTunnel, "501 Not Implemented"},
      {RequestError::kUnknownTransferCoding, "501 Not Implemented"},
      {RequestError::kVersionNotSupported, "505 HTTP Version Not Supported"},
  };
  for (const auto& [error, status] : cases) CHECK(status_of(error) == status);
}

TEST_CASE("no error has no status") {
  for (const RequestError error : {RequestError::kNone, RequestError::kCount}) {
    CHECK(status_code(error) == 0);
    CHECK(status_of(error) == "");
    CHECK(describe(error) == "");
  }
}

}  // namespace
}  // namespace uwsgiref::test
