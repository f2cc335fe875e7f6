#include "net/address_block.h"

#include <algorithm>
#include <charconv>

namespace uwsgiref::net {
namespace {

constexpr unsigned kMappedBits = 96;

/// Whether two addresses of one size have the same first bits.
bool begin_alike(const http::IpAddress& left, const http::IpAddress& right, unsigned bits) noexcept {
  const unsigned whole = bits / 8;
  if (!std::equal(left.bytes.begin(), left.bytes.begin() + whole, right.bytes.begin())) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || (left.bytes[whole] ^ right.bytes[whole]) >> (8 - rest) == 0;
}

/// Whether no bit behind the first `bits` is set.
bool ends_there(const http::IpAddress& address, unsigned bits) noexcept {
  for (unsigned bit = bits; bit < address.size * 8U; bit++) {
    if (address.bytes[bit / 8] >> (7 - bit % 8) & 1) return false;
  }
  return true;
}

/// 1*DIGIT without a leading zero; nothing beyond `most`.
std::optional<unsigned> parse_prefix_bits(std::string_view text, unsigned most) noexcept {
  unsigned bits = 0;
  const char* end = text.data() + text.size();
  const auto [behind, error] = std::from_chars(text.data(), end, bits);
  if (error != std::errc() || behind != end || bits > most) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return bits;
}

}  // namespace

std::optional<AddressBlock> AddressBlock::parse(std::string_view text) noexcept {
  AddressBlock block;
  if (text == "unix:" || text == "unix") return block;
  const size_t slash = text.find('/');
  const std::optional<http::IpAddress> address = http::parse_ip_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  unsigned bits = address->size * 8U;
  if (slash != std::string_view::npos) {
    const std::optional<unsigned> given = parse_prefix_bits(text.substr(slash + 1), bits);
    if (!given || !ends_there(*address, *given)) return std::nullopt;
    bits = *given;
  }
  // Peers that came as such addresses are known by their IPv4 address, and so has the block to be.
  const bool mapped = http::is_ipv4_mapped(*address) && bits >= kMappedBits;
  block.prefix_ = mapped ? http::unmapped(*address) : *address;
  block.prefix_bits_ = static_cast<uint8_t>(mapped ? bits - kMappedBits : bits);
  return block;
}

bool AddressBlock::contains(const PeerAddress& peer) const noexcept {
  return peer.address().size == prefix_.size && begin_alike(peer.address(), prefix_, prefix_bits_);
}

bool any_contains(std::span<const AddressBlock> blocks, const PeerAddress& peer) noexcept {
  return std::any_of(blocks.begin(), blocks.end(), [&](const AddressBlock& block) { return block.contains(peer); });
}

}  // namespace uwsgiref::net
