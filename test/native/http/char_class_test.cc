#include "http/char_class.h"

#include <doctest/doctest.h>

#include <cctype>
#include <string_view>

namespace uwsgiref::test {
namespace {

using namespace http;

TEST_CASE("each class has exactly its bytes") {
  const std::string_view alnum = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const auto has = [](std::string_view set, char c) { return set.find(c) != std::string_view::npos; };
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    CAPTURE(byte);
    const bool word = has(alnum, c);
    const bool value = byte == 9 || (byte >= 32 && byte <= 126) || byte >= 128;
    CHECK(is_in(kTokenChar, c) == (word || has("!#$%&'*+-.^_`|~", c)));
    CHECK(is_in(kRegNameChar, c) == (word || has("-._~!$&'()*+,;=", c)));
    CHECK(is_in(kAuthorityChar, c) == (word || has("-._~!$&'()*+,;=%:[]", c)));
    CHECK(is_in(kValueChar, c) == value);
    CHECK(is_in(kQuotedChar, c) == (value && byte != 0x22 && byte != 0x5c));
    CHECK(is_in(kHexDigitChar, c) == has("0123456789abcdefABCDEF", c));
    CHECK(is_in(kDigitChar, c) == has("0123456789", c));
    CHECK(is_white_space(c) == (byte == 9 || byte == 32));
    CHECK(to_lower(c) == (byte < 128 ? static_cast<char>(std::tolower(byte)) : c));
    const size_t index = std::string_view("0123456789abcdef0123456789ABCDEF").find(c);
    CHECK(hex_value(c) == (index == std::string_view::npos ? -1 : static_cast<int>(index % 16)));
  }
}

TEST_CASE("tokens") {
  CHECK(is_token("a"));
  CHECK(is_token("X-Forwarded-For"));
  CHECK_FALSE(is_token(""));
  CHECK_FALSE(is_token("a b"));
  CHECK_FALSE(is_token("a:"));
}

TEST_CASE("equality without case") {
  CHECK(equals_ignoring_case("Close", "cLOSE"));
  CHECK(equals_ignoring_case("", ""));
  CHECK_FALSE(equals_ignoring_case("close", "closed"));
  CHECK_FALSE(equals_ignoring_case("@", "`"));  // 0x40 and 0x60: apart by the bit that parts the cases of letters
  CHECK_FALSE(equals_ignoring_case("[", "{"));
}

}  // namespace
}  // namespace uwsgiref::test
