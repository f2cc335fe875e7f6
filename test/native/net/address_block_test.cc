#include "net/address_block.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using namespace uwsgiref;
using net::AddressBlock;
using net::PeerAddress;

namespace {

PeerAddress peer(std::string_view text) { return {*http::parse_ip_address(text), 1}; }

bool contains(std::string_view block, std::string_view address) {
  CAPTURE(block);
  const auto parsed = AddressBlock::parse(block);
  REQUIRE(parsed.has_value());
  return parsed->contains(peer(address));
}

}  // namespace

TEST_CASE("a block contains its first address and its last, and neither neighbour") {
  struct {
    const char *block, *first, *last, *before, *behind;
  } const cases[] = {
      {"10.0.0.0/8", "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"},
      {"172.16.0.0/12", "172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"},
      {"192.0.2.128/25", "192.0.2.128", "192.0.2.255", "192.0.2.127", "192.0.3.0"},
      {"192.0.2.6/31", "192.0.2.6", "192.0.2.7", "192.0.2.5", "192.0.2.8"},
      {"192.0.2.6/32", "192.0.2.6", "192.0.2.6", "192.0.2.5", "192.0.2.7"},
      {"127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.0", "127.0.0.2"},
      {"128.0.0.0/1", "128.0.0.0", "255.255.255.255", "127.255.255.255", "0.0.0.0"},
      {"fd00::/8", "fd00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fcff::", "fe00::"},
      {"2001:db8::/33", "2001:db8::", "2001:db8:7fff:ffff::", "2001:db7:ffff::", "2001:db8:8000::"},
      {"2001:db8::8/125", "2001:db8::8", "2001:db8::f", "2001:db8::7", "2001:db8::10"},
      {"::1", "::1", "::1", "::", "::2"},
      {"::1/128", "::1", "::1", "::", "::2"},
  };
  for (const auto& each : cases) {
    CHECK(contains(each.block, each.first));
    CHECK(contains(each.block, each.last));
    CHECK_FALSE(contains(each.block, each.before));
    CHECK_FALSE(contains(each.block, each.behind));
  }
}

TEST_CASE("a prefix of no bits is every address of its kind, and none of the other") {
  CHECK(contains("0.0.0.0/0", "255.1.2.3"));
  CHECK(contains("::/0", "ffff::1"));
  CHECK_FALSE(contains("0.0.0.0/0", "::1"));
  CHECK_FALSE(contains("::/0", "127.0.0.1"));
  CHECK_FALSE(contains("::/0", "::ffff:127.0.0.1"));
  CHECK_FALSE(contains("::/96", "127.0.0.1"));
}

TEST_CASE("an IPv4 address is the same in either spelling") {
  CHECK(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
  CHECK(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
  CHECK(contains("::ffff:10.0.0.0/104", "::ffff:10.1.2.3"));
  CHECK_FALSE(contains("::ffff:10.0.0.0/104", "11.1.2.3"));
  CHECK(contains("::ffff:0:0/96", "11.1.2.3"));
  CHECK(contains("::ffff:192.0.2.1", "192.0.2.1"));
}

TEST_CASE("the peers of Unix sockets are named by a word, and in no block") {
  for (const char* word : {"unix:", "unix"}) {
    CHECK(AddressBlock::parse(word)->contains(PeerAddress()));
    CHECK_FALSE(contains(word, "0.0.0.0"));
    CHECK_FALSE(contains(word, "::"));
  }
  CHECK_FALSE(AddressBlock::parse("0.0.0.0/0")->contains(PeerAddress()));
  CHECK_FALSE(AddressBlock::parse("::/0")->contains(PeerAddress()));
}

TEST_CASE("what names no block") {
  for (const char* text : {"",
                           "/",
                           "/8",
                           "10",
                           "10.0.0.0/",
                           "10.0.0.0/33",
                           "10.0.0.0/-1",
                           "10.0.0.0/+8",
                           "10.0.0.0/08",
                           "10.0.0.0/8 ",
                           " 10.0.0.0/8",
                           "10.0.0.0/8/8",
                           "10.0.0.0/a",
                           "10.0.0.0/255.0.0.0",
                           "10.0.0.1/8",
                           "10.0.0.0/4294967304",
                           "10.128.0.0/8",
                           "010.0.0.0/8",
                           "10.0.0/8",
                           "10.*",
                           "*",
                           "localhost",
                           "::1/129",
                           "fd00::1/8",
                           "fe80::1%eth0",
                           "[::1]",
                           "::ffff:10.0.0.1/104",
                           "::ffff:10.0.0.0/64",
                           "1.2.3.4:80",
                           "unix:/run/x",
                           "UNIX",
                           "Unix:",
                           "10.0.0.0/8,::1"}) {
    CAPTURE(text);
    CHECK_FALSE(AddressBlock::parse(text).has_value());
  }
}

TEST_CASE("blocks contain what any of them does") {
  std::vector<AddressBlock> blocks;
  CHECK_FALSE(net::any_contains(blocks, peer("127.0.0.1")));
  CHECK_FALSE(net::any_contains(blocks, PeerAddress()));
  for (const char* text : {"10.0.0.0/8", "unix:", "::1"}) blocks.push_back(*AddressBlock::parse(text));
  for (const char* text : {"10.9.9.9", "::1"}) CHECK(net::any_contains(blocks, peer(text)));
  CHECK(net::any_contains(blocks, PeerAddress()));
  for (const char* text : {"11.0.0.0", "::2", "0.0.0.1"}) CHECK_FALSE(net::any_contains(blocks, peer(text)));
}

TEST_CASE("a block contains what has the same first bits") {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; round++) {
    const unsigned bits = random() % 33;
    const uint32_t mask = bits == 0 ? 0 : ~uint32_t{0} << (32 - bits);
    const uint32_t first = static_cast<uint32_t>(random()) & mask;
    // Most differ in few bits.
    const uint32_t other = first ^ (uint32_t{1} << random() % 32) ^ (random() % 2 ? uint32_t{1} << random() % 32 : 0);
    const auto text = [](uint32_t value) {
      return std::to_string(value >> 24) + "." + std::to_string(value >> 16 & 255) + "." +
             std::to_string(value >> 8 & 255) + "." + std::to_string(value & 255);
    };
    CAPTURE(text(other));
    if (contains(text(first) + "/" + std::to_string(bits), text(other)) != ((other & mask) == first)) {
      FAIL_CHECK(text(first), "/", bits);
    }
  }
}
