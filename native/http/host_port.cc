#include "http/host_port.h"

#include <algorithm>
#include <cstdint>

#include "http/char_class.h"
#include "http/ip_address.h"

namespace uwsgiref::http {
namespace {

/// port = *DIGIT (RFC 3986 §3.2.3), and no more than TCP has.
bool is_port(std::string_view text) noexcept {
  if (text.size() > 5 || !all_in(kDigitChar, text)) return false;
  uint32_t value = 0;
  for (const char c : text) value = value * 10 + static_cast<uint32_t>(c - '0');
  return value <= 65535;
}

bool is_reg_name(std::string_view text) noexcept {
  for (size_t at = 0; at < text.size(); ++at) {
    if (is_in(kRegNameChar, text[at])) continue;
    if (text[at] != '%' || text.size() - at < 3 || !all_in(kHexDigitChar, text.substr(at + 1, 2))) return false;
    at += 2;
  }
  return !text.empty();
}

bool is_ipv6_address(std::string_view text) noexcept {
  const std::optional<IpAddress> address = parse_ip_address(text);
  return address && address->size == 16;
}

}  // namespace

std::optional<HostPort> split_host_port(std::string_view text) noexcept {
  const bool literal = text.starts_with('[');
  const size_t bracket = literal ? text.find(']') : 0;
  if (bracket == std::string_view::npos) return std::nullopt;
  const size_t host_size = literal ? bracket + 1 : std::min(text.find(':'), text.size());

  HostPort parts;
  parts.host = text.substr(0, host_size);
  const bool valid = literal ? is_ipv6_address(parts.host.substr(1, host_size - 2)) : is_reg_name(parts.host);
  if (!valid) return std::nullopt;

  const std::string_view rest = text.substr(host_size);
  if (rest.empty()) return parts;
  parts.port = rest.substr(1);
  if (rest.front() != ':' || !is_port(parts.port)) return std::nullopt;
  return parts;
}

}  // namespace uwsgiref::http
