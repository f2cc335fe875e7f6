#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "http/ip_address.h"
#include "net/peer_address.h"

namespace uwsgiref::net {

/// Addresses that an operator names together: "10.0.0.0/8", "fd00::/8" (RFC 4632 §3.1, RFC 4291 §2.3), "127.0.0.1" for
/// that one alone, or "unix:" for the peers of Unix sockets, which have none. A block of IPv4 has no address of IPv6 in
/// it, and the other way around.
class AddressBlock {
 public:
  /// Nothing for any other text, an address with bits beyond the prefix included: what its author meant is not known.
  static std::optional<AddressBlock> parse(std::string_view text) noexcept;

  bool contains(const PeerAddress& peer) const noexcept;

 private:
  http::IpAddress prefix_;  ///< no address: the peers of Unix sockets
  uint8_t prefix_bits_ = 0;
};

bool any_contains(std::span<const AddressBlock> blocks, const PeerAddress& peer) noexcept;

}  // namespace uwsgiref::net
