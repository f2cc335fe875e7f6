#include "http/host_port.h"

#include <doctest/doctest.h>

#include <string>

#include "native/split_feed.h"

namespace uwsgiref::test {
namespace {

TEST_CASE("hosts and ports") {
  struct {
    std::string_view text, host, port;
  } const cases[] = {
      {"example.com", "example.com", ""},
      {"example.com:80", "example.com", "80"},
      {"example.com:", "example.com", ""},
      {"localhost:65535", "localhost", "65535"},
      {"a:00080", "a", "00080"},
      {"a_b-c.d~e!$&'()*+,;=", "a_b-c.d~e!$&'()*+,;=", ""},
      {"caf%C3%A9.example:1", "caf%C3%A9.example", "1"},
      {"127.0.0.1:8080", "127.0.0.1", "8080"},
      {"999.1.1.1", "999.1.1.1", ""},  // no IPv4 address, yet a reg-name
      {"[::]", "[::]", ""},
      {"[::1]:443", "[::1]", "443"},
      {"[::1]:", "[::1]", ""},
      {"[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]", ""},
      {"[2001:DB8::a:b]", "[2001:DB8::a:b]", ""},
      {"[1::]", "[1::]", ""},
      {"[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7::]", ""},
      {"[::2:3:4:5:6:7:8]", "[::2:3:4:5:6:7:8]", ""},
      {"[::ffff:192.0.2.255]:1", "[::ffff:192.0.2.255]", "1"},
      {"[1:2:3:4:5:6:0.0.0.0]", "[1:2:3:4:5:6:0.0.0.0]", ""},
  };
  for (const auto& sample : cases) {
    const auto& [text, host, port] = sample;
    CAPTURE(sample.text);
    GuardedMemory memory(64);
    const auto parts = http::split_host_port(memory.place(text));
    REQUIRE(parts.has_value());
    CHECK(parts->host == host);
    CHECK(parts->port == port);
  }
}

TEST_CASE("what is no host and port") {
  for (const std::string_view text : {"",
                                      ":",
                                      ":80",
                                      "a:b",
                                      "a:80:",
                                      "a:80:80",
                                      "a:-1",
                                      "a:+1",
                                      "a: 80",
                                      "a:65536",
                                      "a:000080",
                                      "a:99999",
                                      "user@a",
                                      "a/b",
                                      "a b",
                                      "a\tb",
                                      "a?",
                                      "a#",
                                      "\"a\"",
                                      "a\\b",
                                      "a%",
                                      "a%2",
                                      "a%2g",
                                      "a%%20",
                                      "a|b",
                                      "a\x80",
                                      "caf\xc3\xa9",
                                      "[",
                                      "]",
                                      "[]",
                                      "[::1",
                                      "::1",
                                      "[::1]]",
                                      "[::1]a",
                                      "[::1]80",
                                      "[::1]:a",
                                      "[::1]:65536",
                                      "a]",
                                      "[a",
                                      "a[::1]",
                                      "[:]",
                                      "[:::]",
                                      "[1]",
                                      "[1:2]",
                                      "[1:2:3:4:5:6:7]",
                                      "[1:2:3:4:5:6:7:8:9]",
                                      "[1:]",
                                      "[:1]",
                                      "[1::2::3]",
                                      "[1:2:3:4:5:6:7:8::]",
                                      "[::1:2:3:4:5:6:7:8]",
                                      "[1:2:3:4::5:6:7:8]",
                                      "[12345::]",
                                      "[g::]",
                                      "[::1.2.3]",
                                      "[::1.2.3.4.5]",
                                      "[::1.2.3.256]",
                                      "[::01.2.3.4]",
                                      "[::1.2.3.]",
                                      "[::.1.2.3]",
                                      "[::1.2.3.4:5]",
                                      "[1.2.3.4]",
                                      "[1:2:3:4:5:6:7:1.2.3.4]",
                                      "[::2:3:4:5:6:7:1.2.3.4]",
                                      "[fe80::1%25eth0]",
                                      "[v1.x]",
                                      "[::1 ]"}) {
    CAPTURE(text);
    GuardedMemory memory(64);
    CHECK_FALSE(http::split_host_port(memory.place(text)).has_value());
  }
}

}  // namespace
}  // namespace uwsgiref::test
