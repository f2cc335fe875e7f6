#include <arpa/inet.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/oracle.h"
#include "native/http/read_proxy_header.h"

/// Judges read_proxy_header(). The input's first bytes choose the cuts (see fuzz/oracle.h).

using namespace uwsgiref;
using http::ProxiedClient;
using http::ProxyEndpoint;
using http::ProxyHeader;
using Status = ProxyHeader::Status;

namespace {

ProxyEndpoint library_endpoint(int family, const std::string& address, unsigned long port) {
  uint8_t bytes[16];
  EXPECT(inet_pton(family, address.c_str(), bytes) == 1);
  EXPECT(port <= 65535);
  return {http::ip_address_of(bytes, family == AF_INET ? 4 : 16), static_cast<uint16_t>(port)};
}

/// A second opinion on an accepted line, which looks at it whole.
void expect_line(const std::string& line, const ProxyHeader& header) {
  EXPECT(line.size() <= http::kMaxProxyLine);
  EXPECT(line.ends_with("\r\n") && line.find('\n') == line.size() - 1 && line.find('\r') == line.size() - 2);
  if (header.client == ProxiedClient::kUnknown) {
    EXPECT(line == "PROXY UNKNOWN\r\n" || line.starts_with("PROXY UNKNOWN "));
    return;
  }
  EXPECT(header.client == ProxiedClient::kAddress);
  std::vector<std::string> words(1);
  for (const char c : line.substr(0, line.size() - 2)) {
    if (c == ' ') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  EXPECT(words.size() == 6 && words[0] == "PROXY" && (words[1] == "TCP4" || words[1] == "TCP6"));
  const int family = words[1] == "TCP4" ? AF_INET : AF_INET6;
  EXPECT(header.source == library_endpoint(family, words[2], std::stoul(words[4])));
  EXPECT(header.destination == library_endpoint(family, words[3], std::stoul(words[5])));
  EXPECT(words[4] == std::to_string(header.source.port) && words[5] == std::to_string(header.destination.port));
}

void expect_binary(std::string_view bytes, const ProxyHeader& header) {
  const auto at = [bytes](size_t place) { return static_cast<uint8_t>(bytes[place]); };
  EXPECT(bytes.size() == 16U + at(14) * 256U + at(15) && bytes.size() <= http::kMaxBinaryProxyHeader);
  EXPECT(at(12) == 0x20 || at(12) == 0x21);
  ProxiedClient expected = at(12) == 0x20 ? ProxiedClient::kNone : ProxiedClient::kUnknown;
  if (at(12) == 0x21 && at(13) == 0x31) expected = ProxiedClient::kUnix;
  if (at(12) == 0x21 && (at(13) == 0x11 || at(13) == 0x21)) expected = ProxiedClient::kAddress;
  EXPECT(header.client == expected);
  if (expected != ProxiedClient::kAddress) return;
  const size_t size = at(13) == 0x11 ? 4 : 16;
  for (const bool source : {true, false}) {
    const ProxyEndpoint& endpoint = source ? header.source : header.destination;
    const size_t address = source ? 16 : 16 + size;
    const size_t port = 16 + 2 * size + (source ? 0 : 2);
    EXPECT(endpoint.address.size == size && endpoint.port == at(port) * 256 + at(port + 1));
    for (size_t i = 0; i < size; i++) EXPECT(endpoint.address.bytes[i] == at(address + i));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::FuzzInput choices(data, size);
  const std::array<uint8_t, 4> seeds = choices.take_bytes<4>();
  const std::string_view input = choices.rest();

  const ProxyHeader at_once = test::read_proxy_header(input, test::whole(input.size()));
  EXPECT(test::read_proxy_header(input, test::cuts_from(seeds, input.size())) == at_once);
  EXPECT(test::read_proxy_header(input, test::byte_by_byte(input.size())) == at_once);

  const bool binary = input.starts_with('\r');
  const size_t bound = binary ? http::kMaxBinaryProxyHeader : http::kMaxProxyLine;
  switch (at_once.status) {
    case Status::kNeedMore:
      EXPECT(input.size() < bound);
      EXPECT(at_once == ProxyHeader{});
      break;
    case Status::kError:
      EXPECT(at_once.size < input.size() && at_once.size < bound);
      // The first bad byte is an error as soon as it has arrived, and nothing before it is.
      EXPECT(test::read_proxy_header(input, {at_once.size}).status == Status::kNeedMore);
      EXPECT(test::read_proxy_header(input, {at_once.size + 1}) == at_once);
      break;
    case Status::kComplete: {
      EXPECT(at_once.size <= input.size() && at_once.size <= bound);
      EXPECT(test::read_proxy_header(input, {at_once.size - 1}).status == Status::kNeedMore);
      const std::string_view header = input.substr(0, at_once.size);
      EXPECT(test::read_proxy_header(header, test::whole(header.size())) == at_once);
      if (binary) {
        expect_binary(header, at_once);
      } else {
        expect_line(std::string(header), at_once);
      }
      break;
    }
  }
  return 0;
}
