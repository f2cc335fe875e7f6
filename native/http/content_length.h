#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "http/char_class.h"

namespace uwsgiref::http {

/// Content-Length = 1*DIGIT (RFC 9110 §8.6), up to 2^63 - 1, the most that a signed file offset holds. Nothing for any
/// other text, a sign or white space included.
constexpr std::optional<uint64_t> parse_content_length(std::string_view text) noexcept {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (text.empty()) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (!is_in(kDigitChar, c)) return std::nullopt;
    const auto digit = static_cast<uint64_t>(c - '0');
    if (value > (kMax - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

}  // namespace uwsgiref::http
