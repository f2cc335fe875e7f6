#pragma once

#include <arpa/inet.h>

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

  uint16_t port() const noexcept { return port_; }

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
