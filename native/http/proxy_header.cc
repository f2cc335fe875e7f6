#include "http/proxy_header.h"

#include <algorithm>

#include "http/char_class.h"

namespace uwsgiref::http {
namespace {

using namespace std::string_view_literals;

using Status = ProxyHeader::Status;

constexpr std::string_view kBinarySignature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr size_t kBinaryFixedPart = 16;

/// Reads on as long as the bytes are there and are what they must be.
struct Reader {
  std::string_view bytes;
  size_t at = 0;
  bool bad = false;

  bool done() const noexcept { return at == bytes.size(); }
  bool here(char c) const noexcept { return !done() && bytes[at] == c; }
  /// Answers false, so that whoever reads may end by it.
  bool fail() noexcept {
    bad = true;
    return false;
  }
  bool expect(std::string_view literal) noexcept {
    for (const char c : literal) {
      if (done()) return false;
      if (bytes[at] != c) return fail();
      ++at;
    }
    return true;
  }
  /// One byte, as a number that `accepts` takes.
  template <class Accepts>
  bool expect_number(unsigned& number, Accepts accepts) noexcept {
    if (done()) return false;
    number = static_cast<uint8_t>(bytes[at]);
    if (!accepts(number)) return fail();
    ++at;
    return true;
  }
};

// --- Version 1 (§2.1) ------------------------------------------------------------------------------------------------

/// An address, up to the space that must follow it.
template <class Parser>
bool read_address(Reader& in, IpAddress& address) noexcept {
  Parser parser;
  for (; !in.done(); ++in.at) {
    const char c = in.bytes[in.at];
    if (c == ' ' && parser.complete()) {
      address = parser.address();
      return true;
    }
    if (!parser.take(c)) return in.fail();
  }
  return false;
}

/// A decimal number without leading zeros, up to the byte that is no digit.
bool read_port(Reader& in, uint16_t& port) noexcept {
  unsigned value = 0;
  for (size_t digits = 0; !in.done(); ++in.at, ++digits) {
    const char c = in.bytes[in.at];
    if (!is_in(kDigitChar, c)) {
      if (digits == 0) return in.fail();
      port = static_cast<uint16_t>(value);
      return true;
    }
    if (digits > 0 && value == 0) return in.fail();
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > 65535) return in.fail();
  }
  return false;
}

template <class Parser>
bool read_endpoints(Reader& in, ProxyHeader& header) noexcept {
  header.client = ProxiedClient::kAddress;
  return in.expect(" ") && read_address<Parser>(in, header.source.address) && in.expect(" ") &&
         read_address<Parser>(in, header.destination.address) && in.expect(" ") && read_port(in, header.source.port) &&
         in.expect(" ") && read_port(in, header.destination.port);
}

/// What follows "UNKNOWN" is to be ignored, whatever it is, up to the line's end.
bool skip_unknown(Reader& in, ProxyHeader& header) noexcept {
  header.client = ProxiedClient::kUnknown;
  if (in.here('\r')) return true;
  if (!in.expect(" ")) return false;
  for (; !in.done() && !in.here('\r'); ++in.at) {
    if (in.here('\n')) return in.fail();
  }
  return !in.done();
}

bool read_line(Reader& in, ProxyHeader& header) noexcept {
  if (!in.expect("PROXY ")) return false;
  bool read = false;
  if (in.here('U')) {
    read = in.expect("UNKNOWN") && skip_unknown(in, header);
  } else if (in.expect("TCP")) {
    read = in.here('6') ? in.expect("6") && read_endpoints<Ipv6Parser>(in, header)
                        : in.expect("4") && read_endpoints<Ipv4Parser>(in, header);
  }
  if (read && in.expect("\r\n")) return true;
  if (in.at < kMaxProxyLine) return false;
  in.at = kMaxProxyLine - 1;  // which is not the line's end
  return in.fail();
}

// --- Version 2 (§2.2) ------------------------------------------------------------------------------------------------

constexpr unsigned kVersion = 2;
constexpr unsigned kLocal = 0, kProxy = 1;
constexpr unsigned kUnspecified = 0, kInet = 1, kInet6 = 2, kUnix = 3;
constexpr unsigned kStream = 1, kDatagram = 2;
constexpr unsigned kMostVariable = kMaxBinaryProxyHeader - kBinaryFixedPart;

/// Bytes of two addresses, and of two ports where the family has them.
constexpr unsigned endpoints_size(unsigned family) noexcept {
  switch (family) {
    case kInet:
      return 2 * 4 + 2 * 2;
    case kInet6:
      return 2 * 16 + 2 * 2;
    case kUnix:
      return 2 * 108;
    default:
      return 0;
  }
}

void read_endpoints(std::string_view bytes, size_t address_size, ProxyHeader& header) noexcept {
  const auto* addresses = reinterpret_cast<const uint8_t*>(bytes.data());
  const uint8_t* ports = addresses + 2 * address_size;
  header.client = ProxiedClient::kAddress;
  header.source = {ip_address_of(addresses, address_size), static_cast<uint16_t>(ports[0] << 8 | ports[1])};
  header.destination = {ip_address_of(addresses + address_size, address_size),
                        static_cast<uint16_t>(ports[2] << 8 | ports[3])};
}

bool read_binary(Reader& in, ProxyHeader& header) noexcept {
  if (!in.expect(kBinarySignature)) return false;
  unsigned command = 0, protocol = 0, high = 0, low = 0;
  if (!in.expect_number(command, [](unsigned n) { return n >> 4 == kVersion && (n & 15) <= kProxy; })) return false;
  const bool local = (command & 15) == kLocal;
  // Of a LOCAL header this is to be ignored, whatever it is.
  const auto known = [local](unsigned n) { return local || (n >> 4 <= kUnix && (n & 15) <= kDatagram); };
  if (!in.expect_number(protocol, known)) return false;
  // No client of this server speaks anything but a stream; another's address is not looked at.
  const bool addressed = !local && (protocol & 15) == kStream;
  const unsigned family = addressed ? protocol >> 4 : kUnspecified;

  if (!in.expect_number(high, [](unsigned n) { return n << 8 <= kMostVariable; })) return false;
  const auto fits = [family, high](unsigned n) {
    const unsigned size = high << 8 | n;
    return size >= endpoints_size(family) && size <= kMostVariable;
  };
  if (!in.expect_number(low, fits)) return false;
  const size_t end = kBinaryFixedPart + (high << 8 | low);
  if (in.bytes.size() < end) return false;

  switch (family) {
    case kInet:
      read_endpoints(in.bytes.substr(kBinaryFixedPart), 4, header);
      break;
    case kInet6:
      read_endpoints(in.bytes.substr(kBinaryFixedPart), 16, header);
      break;
    case kUnix:
      header.client = ProxiedClient::kUnix;
      break;
    default:
      header.client = local ? ProxiedClient::kNone : ProxiedClient::kUnknown;
  }
  in.at = end;
  return true;
}

}  // namespace

ProxyHeader read_proxy_header(std::string_view bytes) noexcept {
  const bool binary = bytes.starts_with('\r');
  Reader in{.bytes = binary ? bytes : bytes.substr(0, kMaxProxyLine)};
  ProxyHeader header;
  if (binary ? read_binary(in, header) : read_line(in, header)) {
    header.status = Status::kComplete;
    header.size = in.at;
    return header;
  }
  if (!in.bad) return {};
  return {.status = Status::kError, .size = in.at};
}

}  // namespace uwsgiref::http
