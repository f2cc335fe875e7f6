#include "http/field_list.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "http/content_length.h"

namespace uwsgiref::test {
namespace {

using namespace http;

std::vector<std::string> elements(std::string_view value) {
  std::vector<std::string> found;
  each_list_element(value, [&found](std::string_view element) {
    found.emplace_back(element);
    return true;
  });
  return found;
}

TEST_CASE("the elements of a list") {
  using List = std::vector<std::string>;
  CHECK(elements("") == List{""});
  CHECK(elements("a") == List{"a"});
  CHECK(elements("a,b") == List{"a", "b"});
  CHECK(elements(" a\t,\t b c ,") == List{"a", "b c", ""});
  CHECK(elements(",,") == List{"", "", ""});
}

TEST_CASE("a visit that ends early") {
  int seen = 0;
  CHECK_FALSE(each_list_element("a,b,c", [&seen](std::string_view element) {
    ++seen;
    return element != "b";
  }));
  CHECK(seen == 2);
}

TEST_CASE("membership") {
  CHECK(list_has("upgrade, Close", "close"));
  CHECK(list_has("close", "close"));
  CHECK_FALSE(list_has("closed, clos", "close"));
  CHECK_FALSE(list_has("", "close"));
}

TEST_CASE("a Content-Length") {
  CHECK(parse_content_length("0") == 0);
  CHECK(parse_content_length("9223372036854775807") == 9223372036854775807U);
  CHECK(parse_content_length("0009223372036854775807") == 9223372036854775807U);
  for (const std::string_view text : {"", " 1", "1 ", "-1", "+1", "9223372036854775808", "9300000000000000000",
                                      "18446744073709551615", "18446744073709551617", "1,1", "a"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_content_length(text).has_value());
  }
}

}  // namespace
}  // namespace uwsgiref::test
