#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/ip_address.h"

namespace uwsgiref::http {

/// The whole of a text header, line end included.
inline constexpr size_t kMaxProxyLine = 107;

/// The whole of a binary header. The specification would allow 64 KiB of additions; proxies add some hundred bytes.
inline constexpr size_t kMaxBinaryProxyHeader = 4096;

/// What a PROXY header tells of the client at the other side of the proxy.
enum class ProxiedClient : uint8_t {
  kNone,     ///< LOCAL: the proxy speaks for itself, as in a health check
  kUnknown,  ///< UNKNOWN or UNSPEC, or one that does not speak TCP
  kUnix,     ///< a client of a Unix socket
  kAddress,  ///< source and destination are addresses
};

struct ProxyEndpoint {
  IpAddress address;
  uint16_t port = 0;

  bool operator==(const ProxyEndpoint&) const = default;
};

struct ProxyHeader {
  enum class Status : uint8_t { kNeedMore, kComplete, kError };

  Status status = Status::kNeedMore;
  size_t size = 0;  ///< kComplete: bytes of the header; kError: bytes before the bad one
  ProxiedClient client = ProxiedClient::kNone;
  ProxyEndpoint source{};       ///< with kAddress
  ProxyEndpoint destination{};  ///< with kAddress

  bool operator==(const ProxyHeader&) const = default;
};

/// Reads the header of the PROXY protocol, version 1 or 2, at the front of a connection (haproxy's
/// doc/proxy-protocol.txt, which the numbers in the source are of). `bytes` are those that have arrived, from the
/// connection's first; what lies behind the header is not looked at. The first bad byte is an error as soon as it
/// arrives. Additions to a binary header are skipped.
ProxyHeader read_proxy_header(std::string_view bytes) noexcept;

}  // namespace uwsgiref::http
