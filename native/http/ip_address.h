#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace uwsgiref::http {

/// An IPv4 or IPv6 address, its bytes in network order.
struct IpAddress {
  std::array<uint8_t, 16> bytes{};
  uint8_t size = 0;  ///< 4 or 16 of the bytes; 0: no address

  bool operator==(const IpAddress&) const = default;
};

/// `size` bytes of an address; no address where they are neither 4 nor 16.
IpAddress ip_address_of(const uint8_t* bytes, size_t size) noexcept;

/// Whether an IPv6 address stands for an IPv4 address, its last four bytes (RFC 4291 §2.5.5.2).
bool is_ipv4_mapped(const IpAddress& address) noexcept;

/// An IPv6 address that stands for an IPv4 address as that one; any other as it is.
IpAddress unmapped(const IpAddress& address) noexcept;

/// dec-octet "." dec-octet "." dec-octet "." dec-octet, without leading zeros (RFC 3986 §3.2.2), byte by byte: the
/// first that no address goes on with is refused.
class Ipv4Parser {
 public:
  bool take(char c) noexcept;
  /// Whether what was taken is an address.
  bool complete() const noexcept { return octet_ == 3 && begun_; }
  /// After complete().
  IpAddress address() const noexcept { return ip_address_of(octets_.data(), octets_.size()); }

 private:
  std::array<uint8_t, 4> octets_{};
  uint8_t octet_ = 0;   // the one in hand
  bool begun_ = false;  // it has a digit
};

/// IPv6address of RFC 3986 §3.2.2: eight groups of hex digits, of which "::" stands for one or more once; the last two
/// may be an IPv4 address. Byte by byte, as above.
class Ipv6Parser {
 public:
  bool take(char c) noexcept;
  bool complete() const noexcept;
  /// After complete().
  IpAddress address() const noexcept;

 private:
  enum class State : uint8_t { kStart, kFirstColon, kGroup, kColon, kGap, kDotted };

  bool take_colon() noexcept;
  bool take_dot() noexcept;
  bool take_digit(char c) noexcept;
  bool has_gap() const noexcept { return gap_ <= kGroups; }
  /// Groups that may be written out: the gap stands for one at least.
  unsigned most_groups() const noexcept { return has_gap() ? kGroups - 1 : kGroups; }

  static constexpr uint8_t kGroups = 8;

  std::array<uint16_t, kGroups> groups_{};
  uint8_t count_ = 0;          // groups behind which a colon has come
  uint8_t gap_ = kGroups + 1;  // the groups before "::", where it has come
  uint8_t digits_ = 0;         // of the group in hand
  bool decimal_ = false;       // the group in hand may be an octet
  State state_ = State::kStart;
  Ipv4Parser tail_;  // reads the group in hand as an octet
};

/// Nothing for a text that is not an address from its first byte to its last.
std::optional<IpAddress> parse_ip_address(std::string_view text) noexcept;

}  // namespace uwsgiref::http
