#include "http/http_date.h"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <string>

namespace uwsgiref::test {
namespace {

std::string http_date(std::time_t when) {
  std::array<char, http::kHttpDateSize> text;
  http::format_http_date(when, text);
  return {text.data(), text.size()};
}

TEST_CASE("dates") {
  CHECK(http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");  // the example of RFC 9110
  CHECK(http_date(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(http_date(-1) == "Wed, 31 Dec 1969 23:59:59 GMT");
  CHECK(http_date(951826500) == "Tue, 29 Feb 2000 12:15:00 GMT");
  CHECK(http_date(4107542400) == "Mon, 01 Mar 2100 00:00:00 GMT");  // 2100 is no leap year
  CHECK(http_date(2147483648) == "Tue, 19 Jan 2038 03:14:08 GMT");
}

TEST_CASE("dates beyond four digits of a year stop at the last that has them") {
  CHECK(http_date(253402300799) == "Fri, 31 Dec 9999 23:59:59 GMT");
  CHECK(http_date(253402300800) == "Fri, 31 Dec 9999 23:59:59 GMT");
  CHECK(http_date(std::numeric_limits<std::time_t>::max()) == "Fri, 31 Dec 9999 23:59:59 GMT");
  CHECK(http_date(std::numeric_limits<std::time_t>::min()) == "Sat, 01 Jan 0000 00:00:00 GMT");
}

TEST_CASE("every day of a leap year agrees with the C library") {
  for (std::time_t when = 1704067200; when < 1704067200 + 366 * 86400; when += 86399) {
    std::tm parts{};
    gmtime_r(&when, &parts);
    char expected[64];
    std::strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    CHECK(http_date(when) == expected);
  }
}

}  // namespace
}  // namespace uwsgiref::test
