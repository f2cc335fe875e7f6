#pragma once

#include <optional>
#include <string_view>

namespace uwsgiref::http {

/// A host and its port, as written.
struct HostPort {
  std::string_view host;  ///< a name, an IPv4 address, or an IPv6 address in brackets; never empty
  std::string_view port;  ///< digits, at most 65535; may be empty
};

/// Splits `uri-host [ ":" port ]` (RFC 9110 §7.2, RFC 3986 §3.2). Nothing for any other text: an empty host, userinfo,
/// a byte no reg-name may hold, a percent sign without two hex digits, an IPv6 literal that is no address.
std::optional<HostPort> split_host_port(std::string_view text) noexcept;

}  // namespace uwsgiref::http
