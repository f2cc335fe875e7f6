#include "net/peer_address.h"

#include <doctest/doctest.h>

#include <string>

using uwsgiref::net::PeerAddress;

namespace {

std::string text_of(std::string_view text) {
  char bytes[16];
  bool v4 = inet_pton(AF_INET, std::string(text).c_str(), bytes) == 1;
  if (!v4) REQUIRE(inet_pton(AF_INET6, std::string(text).c_str(), bytes) == 1);
  PeerAddress address(bytes, v4 ? 4 : 16, 65535);
  CHECK(address.port() == 65535);
  char out[PeerAddress::kMaxText];
  return {out, address.write_text(out)};
}

}  // namespace

TEST_CASE("an address is written as a client would write it") {
  for (const char* text : {"127.0.0.1", "0.0.0.0", "255.255.255.255", "10.20.3.100", "::1",
                           "::", "2001:db8::8:800:200c:417a", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    CHECK(text_of(text) == text);
  }
}

TEST_CASE("an IPv4 client of a dual-stack listener has its IPv4 address") {
  CHECK(text_of("::ffff:192.0.2.128") == "192.0.2.128");
  CHECK(text_of("::fffe:192.0.2.128") != "192.0.2.128");
}

TEST_CASE("an address that was read from a text") {
  const PeerAddress address(*uwsgiref::http::parse_ip_address("::ffff:192.0.2.128"), 443);
  char out[PeerAddress::kMaxText];
  CHECK(std::string(out, address.write_text(out)) == "192.0.2.128");
  CHECK(address.port() == 443);
}

TEST_CASE("a Unix socket has no address") {
  char out[PeerAddress::kMaxText];
  CHECK(PeerAddress().write_text(out) == 0);
  CHECK(PeerAddress("", 0, 0).write_text(out) == 0);
}
