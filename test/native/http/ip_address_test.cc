#include "http/ip_address.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>

#include <random>
#include <string>

#include "native/split_feed.h"

namespace uwsgiref::test {
namespace {

using namespace http;

/// What the C library makes of the text.
std::optional<IpAddress> expected(const std::string& text) {
  uint8_t bytes[16];
  if (inet_pton(AF_INET, text.c_str(), bytes) == 1) return ip_address_of(bytes, 4);
  if (inet_pton(AF_INET6, text.c_str(), bytes) == 1) return ip_address_of(bytes, 16);
  return std::nullopt;
}

void check_like_the_library(const std::string& text) {
  CAPTURE(text);
  GuardedMemory memory(64);
  CHECK(parse_ip_address(memory.place(text)) == expected(text));
}

constexpr const char* kAddresses[] = {"0.0.0.0",
                                      "127.0.0.1",
                                      "255.255.255.255",
                                      "10.20.3.100",
                                      "::",
                                      "::1",
                                      "1::",
                                      "1:2:3:4:5:6:7:8",
                                      "0001:0002:0003:0004:0005:0006:0007:0008",
                                      "2001:DB8::a:b",
                                      "1:2:3:4:5:6:7::",
                                      "::2:3:4:5:6:7:8",
                                      "1:2:3::5:6:7:8",
                                      "::ffff:192.0.2.255",
                                      "::1.2.3.4",
                                      "1:2:3:4:5:6:0.0.0.0",
                                      "1::3:4:5:6:1.2.3.4",
                                      "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
                                      "fe80::250"};

TEST_CASE("addresses") {
  for (const char* text : kAddresses) {
    REQUIRE(expected(text).has_value());
    check_like_the_library(text);
  }
}

TEST_CASE("what is no address") {
  for (const char* text : {"",
                           "1",
                           "1.2",
                           "1.2.3",
                           "1.2.3.",
                           "1.2.3.4.",
                           ".1.2.3",
                           "1..2.3",
                           "1.2.3.4.5",
                           "256.1.1.1",
                           "1.1.1.300",
                           "01.2.3.4",
                           "1.2.3.00",
                           "1.2.3.4 ",
                           " 1.2.3.4",
                           "1.2.3.a",
                           "-1.2.3.4",
                           "1.2.3.4/8",
                           ":",
                           ":::",
                           ":1",
                           "1:",
                           "1:2:3",
                           "1:2:3:4:5:6:7",
                           "1::2::3",
                           "1:::2",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           "1:2:3:4:5:6:7::8",
                           "::1:2:3:4:5:6:7:8",
                           "12345::",
                           "g::",
                           "::1.2.3",
                           "::1.2.3.4.5",
                           "::1.2.3.256",
                           "::01.2.3.4",
                           "::1.2.3.",
                           "::.1.2.3",
                           "::a.2.3.4",
                           "::1.2.3.4:5",
                           "1.2.3.4::",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "1:2:3:4:5:1.2.3.4",
                           "::2:3:4:5:6:7:1.2.3.4",
                           "fe80::1%eth0",
                           "[::1]",
                           "::1 "}) {
    CAPTURE(text);
    CHECK_FALSE(expected(text).has_value());
    check_like_the_library(text);
  }
}

TEST_CASE("texts that are nearly addresses are read as the C library reads them") {
  std::mt19937 random(1);
  constexpr std::string_view kBytes = "0123456789abcfF:.. ::1";
  const auto below = [&random](size_t bound) { return random() % bound; };
  for (int round = 0; round < 100'000; round++) {
    std::string text = kAddresses[below(std::size(kAddresses))];
    for (size_t changes = 1 + below(3); changes > 0; changes--) {
      const size_t at = below(text.size() + 1);
      const char byte = kBytes[below(kBytes.size())];
      switch (below(3)) {
        case 0:
          text.insert(at, 1, byte);
          break;
        case 1:
          if (at < text.size()) text[at] = byte;
          break;
        case 2:
          text.erase(at, 1);
          break;
      }
    }
    if (parse_ip_address(text) != expected(text)) check_like_the_library(text);
  }
}

/// Whether some address begins with what the parser has taken.
template <class Parser>
bool can_end(const Parser& parser, int depth) {
  if (parser.complete()) return true;
  if (depth == 0) return false;
  for (const char c : {'1', ':', '.'}) {
    Parser next = parser;
    if (next.take(c) && can_end(next, depth - 1)) return true;
  }
  return false;
}

TEST_CASE("no byte is taken that no address goes on with") {
  for (const char* text : kAddresses) {
    for (const char c : std::string_view("0159af:.x")) {
      for (size_t size = 0; size <= std::string_view(text).size(); size++) {
        const std::string prefix(text, size);
        CAPTURE(prefix);
        CAPTURE(c);
        Ipv4Parser v4;
        Ipv6Parser v6;
        bool takes4 = true, takes6 = true;
        for (const char earlier : prefix) {
          takes4 = takes4 && v4.take(earlier);
          takes6 = takes6 && v6.take(earlier);
        }
        if (takes4 && v4.take(c)) CHECK(can_end(v4, 7));
        // "::" or ":1" seven times, and what ends it.
        if (takes6 && v6.take(c)) CHECK(can_end(v6, 16));
      }
    }
  }
}

TEST_CASE("an IPv4 address that came as an IPv6 one") {
  CHECK(is_ipv4_mapped(*parse_ip_address("::ffff:192.0.2.128")));
  CHECK(unmapped(*parse_ip_address("::ffff:192.0.2.128")) == parse_ip_address("192.0.2.128"));
  for (const char* text : {"::fffe:192.0.2.128", "::192.0.2.128", "1::ffff:192.0.2.128", "192.0.2.128", "::"}) {
    CAPTURE(text);
    CHECK_FALSE(is_ipv4_mapped(*parse_ip_address(text)));
    CHECK(unmapped(*parse_ip_address(text)) == parse_ip_address(text));
  }
}

TEST_CASE("bytes of another length are no address") {
  const uint8_t bytes[16] = {1, 2, 3, 4};
  CHECK(ip_address_of(bytes, 0) == IpAddress{});
  CHECK(ip_address_of(bytes, 5) == IpAddress{});
  CHECK(ip_address_of(bytes, 4) == parse_ip_address("1.2.3.4"));
}

}  // namespace
}  // namespace uwsgiref::test
