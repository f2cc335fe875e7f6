#include "http/percent_decode.h"

#include <doctest/doctest.h>

#include <string>

#include "native/split_feed.h"

namespace uwsgiref::test {
namespace {

using namespace std::string_literals;

std::string decode(std::string_view text) {
  GuardedMemory from(text.size()), to(text.size());
  // Against an unreadable page on both sides; the room is exactly that of the text.
  char* const out = const_cast<char*>(to.place(std::string(text.size(), '?')).data());
  const size_t size = http::percent_decode(from.place(text), out);
  const std::string decoded(out, size);

  std::string in_place(text);
  in_place.resize(http::percent_decode(in_place, in_place.data()));
  CHECK(in_place == decoded);
  return decoded;
}

TEST_CASE("percent-encoded octets") {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},
      {"/plain", "/plain"},
      {"%41", "A"},
      {"/caf%C3%a9", "/caf\xc3\xa9"},
      {"%2F%2f", "//"},
      {"%00x", "\0x"s},
      {"%ff%FF", "\xff\xff"},
      {"a%20b%20c", "a b c"},
      {"%2541", "%41"},  // decoded once
      {"a+b", "a+b"},
      // Without two hex digits behind it a percent sign stays.
      {"%", "%"},
      {"%4", "%4"},
      {"%4g", "%4g"},
      {"%g4", "%g4"},
      {"%%41", "%A"},
      {"%4%41", "%4A"},
      {"%zz%41%", "%zzA%"},
      {"100%", "100%"},
  };
  for (const auto& sample : cases) {
    const auto& [text, decoded] = sample;
    CAPTURE(sample.first);
    CHECK(decode(text) == decoded);
  }
}

TEST_CASE("every octet") {
  const char* const digits = "0123456789aBcDeF";
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = {'%', digits[byte / 16], digits[byte % 16]};
    CHECK(decode(text) == std::string(1, static_cast<char>(byte)));
  }
}

}  // namespace
}  // namespace uwsgiref::test
