#include "http/proxy_header.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "native/http/read_proxy_header.h"

namespace uwsgiref::test {
namespace {

using namespace std::string_literals;
using namespace http;
using Status = ProxyHeader::Status;

ProxyEndpoint endpoint(std::string_view address, uint16_t port) { return {*parse_ip_address(address), port}; }

ProxyHeader of_client(ProxiedClient client) { return {.status = Status::kComplete, .client = client}; }

ProxyHeader proxied(const ProxyEndpoint& source, const ProxyEndpoint& destination) {
  ProxyHeader header = of_client(ProxiedClient::kAddress);
  header.source = source;
  header.destination = destination;
  return header;
}

/// In every feeding, whatever follows, and not before its last byte.
void accept(const std::string& text, ProxyHeader expected) {
  CAPTURE(text);
  expected.size = text.size();
  for (const Cuts& cuts : every_feeding(text.size())) CHECK(read_proxy_header(text, cuts) == expected);
  for (const std::string_view behind : garbage()) {
    CHECK(read_proxy_header(text + std::string(behind), whole(text.size() + behind.size())) == expected);
  }
  for (size_t size = 0; size < text.size(); size++) {
    CHECK(read_proxy_header(text, {size}) == ProxyHeader{.status = Status::kNeedMore});
  }
}

/// At the byte of that offset, as soon as it is there.
void refuse(const std::string& text, size_t bad) {
  CAPTURE(text);
  CAPTURE(bad);
  const ProxyHeader expected{.status = Status::kError, .size = bad};
  for (const Cuts& cuts : every_feeding(text.size())) CHECK(read_proxy_header(text, cuts) == expected);
  CHECK(read_proxy_header(text, {bad}).status == Status::kNeedMore);
  CHECK(read_proxy_header(text, {bad + 1}) == expected);
}

/// A binary header: the bytes of command and protocol, then what follows them with its length before it.
std::string binary(int command, int protocol, const std::string& variable) {
  const std::string fixed = "\r\n\r\n\0\r\nQUIT\n"s + static_cast<char>(command) + static_cast<char>(protocol);
  return fixed + static_cast<char>(variable.size() >> 8) + static_cast<char>(variable.size()) + variable;
}

const std::string kInetEndpoints = "\xc0\x00\x02\x01\x0a\x00\x00\xff\xdc\x04\x01\xbb"s;
const std::string kInet6Endpoints =
    "\x20\x01\x0d\xb8" + "\0\0\0\0\0\0\0\0\0\0\0\1"s + "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2"s + "\xff\xff\x00\x50"s;
const std::string kUnixEndpoints = std::string(216, 'p');

TEST_CASE("a text header") {
  accept("PROXY TCP4 192.0.2.1 10.0.0.255 56324 443\r\n",
         proxied(endpoint("192.0.2.1", 56324), endpoint("10.0.0.255", 443)));
  accept("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
         proxied(endpoint("255.255.255.255", 65535), endpoint("255.255.255.255", 65535)));
  accept("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", proxied(endpoint("0.0.0.0", 0), endpoint("0.0.0.0", 0)));
  accept("PROXY TCP6 2001:DB8::1 fd00::2 65535 80\r\n",
         proxied(endpoint("2001:db8::1", 65535), endpoint("fd00::2", 80)));
  const std::string full = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  accept("PROXY TCP6 " + full + " " + full + " 65535 65535\r\n", proxied(endpoint(full, 65535), endpoint(full, 65535)));
  // As inet_ntop(3), and so haproxy, writes an IPv4 client of an IPv6 listener.
  accept("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", proxied(endpoint("::ffff:192.0.2.1", 1), endpoint("::1", 2)));
}

TEST_CASE("a text header that names nobody") {
  accept("PROXY UNKNOWN\r\n", of_client(ProxiedClient::kUnknown));
  accept("PROXY UNKNOWN \r\n", of_client(ProxiedClient::kUnknown));
  accept("PROXY UNKNOWN ::1 not an address\x01\xff 1\r\n", of_client(ProxiedClient::kUnknown));
  const std::string longest = "PROXY UNKNOWN " + std::string(91, 'f');
  accept(longest + "\r\n", of_client(ProxiedClient::kUnknown));
  refuse(longest + "f\r\n", 106);
  refuse(longest + "ff\r\n", 106);
  refuse(longest + std::string(1000, 'f'), 106);
}

TEST_CASE("a text header that is too long") {
  const std::string address = "1111:1111:1111:1111:1111:1111:111.111.111.111";
  refuse("PROXY TCP6 " + address + " " + address + " 65535 65535\r\n", 106);
}

TEST_CASE("what is no text header") {
  for (const auto& [text, bad] :
       std::vector<std::pair<std::string, size_t>>{{"GET / HTTP/1.1\r\n", 0},
                                                   {" PROXY TCP4", 0},
                                                   {"\nPROXY", 0},
                                                   {"proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n", 0},
                                                   {"\x16\x03\x01", 0},
                                                   {"\0"s, 0},
                                                   {"POST / HTTP/1.1\r\n", 1},
                                                   {"PROXY\tTCP4", 5},
                                                   {"PROXY\r\n", 5},
                                                   {"PROXY  TCP4", 6},
                                                   {"PROXY \r\n", 6},
                                                   {"PROXY tcp4", 6},
                                                   {"PROXY UDP4", 7},
                                                   {"PROXY TCP 1.2.3.4", 9},
                                                   {"PROXY TCP5 1.2.3.4", 9},
                                                   {"PROXY TCP4\r\n", 10},
                                                   {"PROXY TCP46 ", 10},
                                                   {"PROXY TCP4  1.2.3.4", 11},
                                                   {"PROXY TCP4 \r\n", 11},
                                                   {"PROXY TCP4 ::1 ::1 1 2\r\n", 11},
                                                   {"PROXY TCP4 1.2.3 ", 16},
                                                   {"PROXY TCP4 256.2.3.4", 13},
                                                   {"PROXY TCP4 1.02.3.4", 14},
                                                   {"PROXY TCP4 1.2.3.4\t", 18},
                                                   {"PROXY TCP4 1.2.3.4\r\n", 18},
                                                   {"PROXY TCP4 1.2.3.4  ", 19},
                                                   {"PROXY TCP4 1.2.3.4 ::1", 19},
                                                   {"PROXY TCP4 1.2.3.4 5.6.7.8\r\n", 26},
                                                   {"PROXY TCP4 1.2.3.4 5.6.7.8 \r\n", 27},
                                                   {"PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n", 27},
                                                   {"PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n", 28},
                                                   {"PROXY TCP4 1.2.3.4 5.6.7.8 00 2\r\n", 28},
                                                   {"PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n", 31},
                                                   {"PROXY TCP4 1.2.3.4 5.6.7.8 100000 2\r\n", 32},
                                                   {"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", 28},
                                                   {"PROXY TCP4 1.2.3.4 5.6.7.8 1 \r\n", 29},
                                                   {"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n", 30},
                                                   {"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", 30},
                                                   {"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\r\n", 31},
                                                   {"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rGET", 31},
                                                   {"PROXY TCP6 1.2.3.4", 12},
                                                   {"PROXY TCP6 :1", 12},
                                                   {"PROXY TCP6 ::1::", 15},
                                                   {"PROXY TCP6 1:2 ", 14},
                                                   {"PROXY TCP6 12345", 15},
                                                   {"PROXY TCP6 ::1%eth0", 14},
                                                   {"PROXY TCP6 [::1]", 11},
                                                   {"PROXY UNKNOWN\n", 13},
                                                   {"PROXY UNKNOWNS", 13},
                                                   {"PROXY UNKNOWN\rG", 14},
                                                   {"PROXY UNKNOWN a\n", 15},
                                                   {"PROXY UNKNOWN a\rb\r\n", 16},
                                                   {"PROXY UNSPEC", 8}}) {
    refuse(text, bad);
  }
}

TEST_CASE("a binary header") {
  accept(binary(0x21, 0x11, kInetEndpoints), proxied(endpoint("192.0.2.1", 56324), endpoint("10.0.0.255", 443)));
  accept(binary(0x21, 0x21, kInet6Endpoints), proxied(endpoint("2001:db8::1", 65535), endpoint("fd00::2", 80)));
  accept(binary(0x21, 0x31, kUnixEndpoints), of_client(ProxiedClient::kUnix));
}

TEST_CASE("a binary header with additions, which are skipped unseen") {
  const std::string noop = "\x04\x00\x05nothing"s;
  accept(binary(0x21, 0x11, kInetEndpoints + noop), proxied(endpoint("192.0.2.1", 56324), endpoint("10.0.0.255", 443)));
  accept(binary(0x21, 0x31, kUnixEndpoints + "\xff"), of_client(ProxiedClient::kUnix));
  const std::string most = kInetEndpoints + std::string(4080 - 12, '\r');
  CHECK(http::read_proxy_header(binary(0x21, 0x11, most)).size == kMaxBinaryProxyHeader);
  refuse(binary(0x21, 0x11, most + "x"), 15);
  refuse(binary(0x21, 0x11, most + std::string(16, 'x')), 14);
  refuse(binary(0x20, 0x00, std::string(4081, 'x')), 15);
  refuse(binary(0x20, 0x00, std::string(65535, 'x')), 14);
}

TEST_CASE("a binary header that names nobody") {
  // LOCAL, whatever else it has.
  for (const int protocol : {0x00, 0x11, 0x21, 0x31, 0x42, 0xff}) {
    accept(binary(0x20, protocol, ""), of_client(ProxiedClient::kNone));
    accept(binary(0x20, protocol, kInetEndpoints), of_client(ProxiedClient::kNone));
  }
  // A family or a transport that is not specified, and datagrams.
  for (const int protocol : {0x00, 0x01, 0x02, 0x10, 0x12, 0x20, 0x22, 0x30, 0x32}) {
    accept(binary(0x21, protocol, ""), of_client(ProxiedClient::kUnknown));
    accept(binary(0x21, protocol, kInet6Endpoints), of_client(ProxiedClient::kUnknown));
  }
}

TEST_CASE("what is no binary header") {
  const std::string good = binary(0x21, 0x11, kInetEndpoints);
  for (size_t at = 1; at < 12; at++) {
    std::string bad = good;
    bad[at] ^= 1;
    refuse(bad, at);
  }
  for (const int command : {0x01, 0x11, 0x22, 0x2f, 0x31, 0xf1}) refuse(binary(command, 0x11, kInetEndpoints), 12);
  for (const int protocol : {0x13, 0x1f, 0x41, 0xf1, 0x03}) refuse(binary(0x21, protocol, kInetEndpoints), 13);
  refuse(binary(0x21, 0x11, ""), 15);
  refuse(binary(0x21, 0x11, kInetEndpoints.substr(1)), 15);
  refuse(binary(0x21, 0x21, kInet6Endpoints.substr(1)), 15);
  refuse(binary(0x21, 0x31, kUnixEndpoints.substr(1)), 15);
}

}  // namespace
}  // namespace uwsgiref::test
