#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace uwsgiref::net {

/// The address at the other end of a connection: IPv4, IPv6, or none for a Unix socket.
class PeerAddress {
 public:
  static constexpr size_t kMaxText = INET6_ADDRSTRLEN;

  PeerAddress() = default;
  PeerAddress(const char* ip, int length, int port) noexcept : port_(static_cast<uint16_t>(port)) {
    if (length == 4 || length == 16) {
      length_ = static_cast<uint8_t>(length);
      std::memcpy(ip_.data(), ip, length_);
    }
    // An IPv4 client of a dual-stack listener is shown as the IPv4 address it has (RFC 4291 §2.5.5.2).
    static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (length_ == 16 && std::memcmp(ip_.data(), kMapped, sizeof kMapped) == 0) {
      std::memmove(ip_.data(), ip_.data() + 12, 4);
      length_ = 4;
    }
  }

  /// The address of whoever is connected to the socket.
  static PeerAddress of(int fd) noexcept {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
    if (address.ss_family == AF_INET) {
      const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(address);
      return {reinterpret_cast<const char*>(&ipv4.sin_addr), 4, ntohs(ipv4.sin_port)};
    }
    if (address.ss_family != AF_INET6) return {};
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(address);
    return {reinterpret_cast<const char*>(&ipv6.sin6_addr), 16, ntohs(ipv6.sin6_port)};
  }

  uint16_t port() const noexcept { return port_; }

  /// A number for the network that one client has to itself: an IPv4 address, or the first half of an IPv6 address,
  /// whose second half a client chooses as it likes (RFC 4291 §2.5.4). 0 for a Unix socket.
  uint64_t network() const noexcept {
    // 0000::/8 is reserved (RFC 4291 §2.4), so that the two kinds cannot meet.
    uint64_t number = length_ == 4 ? 0xffff : 0;
    for (size_t i = 0; i < std::min<size_t>(length_, 8); i++) number = number << 8 | ip_[i];
    return number;
  }

  /// Writes the address as text into `out`, which holds kMaxText bytes; answers how many. Nothing for a Unix socket.
  size_t write_text(char* out) const noexcept {
    if (length_ == 4) {
      char* end = out;
      for (int i = 0; i < 4; i++) {
        if (i) *end++ = '.';
        end = std::to_chars(end, end + 3, ip_[i]).ptr;
      }
      return static_cast<size_t>(end - out);
    }
    if (length_ == 16 && inet_ntop(AF_INET6, ip_.data(), out, kMaxText)) return std::strlen(out);
    return 0;
  }

 private:
  std::array<uint8_t, 16> ip_{};
  uint8_t length_ = 0;
  uint16_t port_ = 0;
};

}  // namespace uwsgiref::net
