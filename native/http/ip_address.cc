#include "http/ip_address.h"

#include <algorithm>

#include "http/char_class.h"

namespace uwsgiref::http {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

template <class Parser>
std::optional<IpAddress> parse(std::string_view text) noexcept {
  Parser parser;
  for (const char c : text) {
    if (!parser.take(c)) return std::nullopt;
  }
  if (!parser.complete()) return std::nullopt;
  return parser.address();
}

}  // namespace

IpAddress ip_address_of(const uint8_t* bytes, size_t size) noexcept {
  IpAddress address;
  if (size != 4 && size != 16) return address;
  std::copy_n(bytes, size, address.bytes.begin());
  address.size = static_cast<uint8_t>(size);
  return address;
}

bool is_ipv4_mapped(const IpAddress& address) noexcept {
  return address.size == 16 && std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
}

IpAddress unmapped(const IpAddress& address) noexcept {
  return is_ipv4_mapped(address) ? ip_address_of(address.bytes.data() + kMappedPrefix.size(), 4) : address;
}

bool Ipv4Parser::take(char c) noexcept {
  if (c == '.') {
    if (!begun_ || octet_ == 3) return false;
    ++octet_;
    begun_ = false;
    return true;
  }
  uint8_t& octet = octets_[octet_];
  if (!is_in(kDigitChar, c) || (begun_ && octet == 0)) return false;
  const unsigned value = octet * 10U + static_cast<unsigned>(c - '0');
  if (value > 255) return false;
  octet = static_cast<uint8_t>(value);
  begun_ = true;
  return true;
}

bool Ipv6Parser::take(char c) noexcept {
  if (state_ == State::kDotted) return tail_.take(c);
  if (c == ':') return take_colon();
  if (c == '.') return take_dot();
  return take_digit(c);
}

bool Ipv6Parser::take_colon() noexcept {
  switch (state_) {
    case State::kStart:
      state_ = State::kFirstColon;
      return true;
    case State::kGroup:
      // A group has to follow, or the gap.
      if (count_ + 1U == most_groups()) return false;
      ++count_;
      state_ = State::kColon;
      return true;
    case State::kFirstColon:
    case State::kColon:
      if (has_gap()) return false;
      gap_ = count_;
      state_ = State::kGap;
      return true;
    default:
      return false;
  }
}

bool Ipv6Parser::take_dot() noexcept {
  const unsigned groups = count_ + 2U;
  const bool fits = has_gap() ? groups <= most_groups() : groups == kGroups;
  if (state_ != State::kGroup || !decimal_ || !fits || !tail_.take('.')) return false;
  state_ = State::kDotted;
  return true;
}

bool Ipv6Parser::take_digit(char c) noexcept {
  const int digit = hex_value(c);
  if (digit < 0 || state_ == State::kFirstColon) return false;
  if (state_ != State::kGroup) {
    if (count_ == most_groups()) return false;
    state_ = State::kGroup;
    digits_ = 0;
    decimal_ = true;
    tail_ = {};
  }
  if (digits_ == 4) return false;
  ++digits_;
  decimal_ = decimal_ && tail_.take(c);
  groups_[count_] = static_cast<uint16_t>(groups_[count_] << 4 | digit);
  return true;
}

bool Ipv6Parser::complete() const noexcept {
  switch (state_) {
    case State::kGap:
      return true;
    case State::kGroup:
      return has_gap() || count_ + 1U == kGroups;
    case State::kDotted:
      return tail_.complete();
    default:
      return false;
  }
}

IpAddress Ipv6Parser::address() const noexcept {
  std::array<uint16_t, kGroups> written = groups_;
  size_t count = count_ + (state_ == State::kGap ? 0U : 1U);
  if (state_ == State::kDotted) {
    const IpAddress tail = tail_.address();
    written[count_] = static_cast<uint16_t>(tail.bytes[0] << 8 | tail.bytes[1]);
    written[count_ + 1U] = static_cast<uint16_t>(tail.bytes[2] << 8 | tail.bytes[3]);
    ++count;
  }
  IpAddress address;
  address.size = 16;
  const size_t before_gap = has_gap() ? gap_ : count;
  for (size_t i = 0; i < count; ++i) {
    const size_t group = i < before_gap ? i : kGroups - count + i;
    address.bytes[2 * group] = static_cast<uint8_t>(written[i] >> 8);
    address.bytes[2 * group + 1] = static_cast<uint8_t>(written[i]);
  }
  return address;
}

std::optional<IpAddress> parse_ip_address(std::string_view text) noexcept {
  return text.find(':') == std::string_view::npos ? parse<Ipv4Parser>(text) : parse<Ipv6Parser>(text);
}

}  // namespace uwsgiref::http
