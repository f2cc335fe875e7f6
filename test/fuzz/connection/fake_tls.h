#pragma once

#include <cstddef>
#include <string>
#include <string_view>

struct us_socket_t;

namespace uwsgiref::test {

/// TLS of one socket, as uSockets has BoringSSL do it (us_internal_ssl_socket_write, and BoringSSL's do_tls_write).
/// Nothing is enciphered. But the handshake comes first; bytes leave in records, of which a client reads whole ones
/// alone; and a write takes all that it is given or says that it took nothing, though it has begun, and is to be tried
/// again.
class FakeTls {
 public:
  explicit FakeTls(us_socket_t& socket) noexcept : socket_(socket) {}

  bool in_handshake() const noexcept { return client_flights_ < kClientFlights; }
  /// The client's next flight of the handshake comes, if it has the server's. Answers whether it did.
  bool take_flight();
  /// The kernel has room for what is left of the server's flight.
  void go_on();
  /// SSL_write(3) without SSL_MODE_ENABLE_PARTIAL_WRITE. Ends the run where a write that was refused is followed by
  /// another one than itself: every further one would fail then.
  size_t write(std::string_view bytes);

 private:
  static constexpr int kClientFlights = 2;
  static constexpr size_t kServerFlight = 3000;  // bytes: a certificate with its chain
  static constexpr size_t kRecord = 16 * 1024;   // bytes at most (RFC 8446 §5.1)

  us_socket_t& socket_;
  int client_flights_ = 0;
  size_t unsent_ = 0;   ///< of the server's flight, or of the last record; bytes
  size_t record_ = 0;   ///< the size of that record
  std::string begun_;   ///< what is in records, of a write that was refused
  size_t offered_ = 0;  ///< bytes of that write
};

}  // namespace uwsgiref::test
