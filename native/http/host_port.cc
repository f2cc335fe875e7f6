#include "http/host_port.h"

#include <algorithm>
#include <cstdint>

#include "http/char_class.h"

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

/// dec-octet "." dec-octet "." dec-octet "." dec-octet, without leading zeros (RFC 3986 §3.2.2).
bool is_ipv4_address(std::string_view text) noexcept {
  for (int octet = 0; octet < 4; ++octet) {
    const size_t size = octet < 3 ? text.find('.') : text.size();
    if (size == 0 || size > 3 || !all_in(kDigitChar, text.substr(0, size))) return false;
    if (size > 1 && text[0] == '0') return false;
    if (size == 3 && text.substr(0, 3) > "255") return false;
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  return true;
}

/// IPv6address of RFC 3986 §3.2.2: eight groups of hex digits, of which "::" stands for one or more once; the last two
/// may be an IPv4 address.
bool is_ipv6_address(std::string_view text) noexcept {
  int groups = 0;
  bool compressed = text.starts_with("::");
  text.remove_prefix(compressed ? 2 : 0);
  while (!text.empty()) {
    const size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (group.find('.') != std::string_view::npos) {
      if (colon != std::string_view::npos || !is_ipv4_address(group)) return false;
      groups += 2;
      break;
    }
    if (group.empty() || group.size() > 4 || !all_in(kHexDigitChar, group)) return false;
    ++groups;
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
    if (text.empty()) return false;  // a single colon at the end
    if (text.front() == ':') {
      if (compressed) return false;
      compressed = true;
      text.remove_prefix(1);
    }
  }
  return compressed ? groups < 8 : groups == 8;
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
