#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "http/ip_address.h"

namespace uwsgiref::net {

/// The address at the other end of a connection: IPv4, IPv6, or none for a Unix socket.
class PeerAddress {
 public:
  static constexpr size_t kMaxText = INET6_ADDRSTRLEN;

  PeerAddress() = default;
  /// An IPv4 client of a dual-stack listener is shown as the IPv4 address it has (RFC 4291 §2.5.5.2).
  PeerAddress(const http::IpAddress& address, uint16_t port) noexcept
      : address_(http::unmapped(address)), port_(port) {}
  PeerAddress(const char* ip, int length, int port) noexcept
      : PeerAddress(http::ip_address_of(reinterpret_cast<const uint8_t*>(ip), static_cast<size_t>(length)),
                    static_cast<uint16_t>(port)) {}

  static PeerAddress of(const sockaddr_storage& address) noexcept {
    if (address.ss_family == AF_INET) {
      const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(address);
      return {reinterpret_cast<const char*>(&ipv4.sin_addr), 4, ntohs(ipv4.sin_port)};
    }
    if (address.ss_family != AF_INET6) return {};
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(address);
    return {reinterpret_cast<const char*>(&ipv6.sin6_addr), 16, ntohs(ipv6.sin6_port)};
  }

  /// No address for a Unix socket.
  const http::IpAddress& address() const noexcept { return address_; }
  uint16_t port() const noexcept { return port_; }

  /// A number for the network that one client has to itself: an IPv4 address, or the first half of an IPv6 address,
  /// whose second half a client chooses as it likes (RFC 4291 §2.5.4). 0 for a Unix socket.
  uint64_t network() const noexcept {
    // 0000::/8 is reserved (RFC 4291 §2.4), so that the two kinds cannot meet.
    uint64_t number = address_.size == 4 ? 0xffff : 0;
    for (size_t i = 0; i < std::min<size_t>(address_.size, 8); i++) number = number << 8 | address_.bytes[i];
    return number;
  }

  /// Writes the address as text into `out`, which holds kMaxText bytes; answers how many. Nothing for a Unix socket.
  size_t write_text(char* out) const noexcept {
    const auto& bytes = address_.bytes;
    if (address_.size == 4) {
      char* end = out;
      for (int i = 0; i < 4; i++) {
        if (i) *end++ = '.';
        end = std::to_chars(end, end + 3, bytes[i]).ptr;
      }
      return static_cast<size_t>(end - out);
    }
    if (address_.size == 16 && inet_ntop(AF_INET6, bytes.data(), out, kMaxText)) return std::strlen(out);
    return 0;
  }

 private:
  http::IpAddress address_;
  uint16_t port_ = 0;
};

}  // namespace uwsgiref::net
