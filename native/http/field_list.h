#pragma once

#include <string_view>

#include "http/char_class.h"

namespace uwsgiref::http {

constexpr std::string_view trim_white_space(std::string_view text) noexcept {
  while (!text.empty() && is_white_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_white_space(text.back())) text.remove_suffix(1);
  return text;
}

/// Calls `visit` with each element of a comma-separated field value (RFC 9110 §5.6.1), without the white space around
/// it; empty elements too. Stops where `visit` answers false, and then answers false. Knows no quoted strings: the
/// fields that the engine reads have none.
template <class Visit>
constexpr bool each_list_element(std::string_view value, Visit visit) noexcept {
  for (;;) {
    const size_t comma = value.find(',');
    if (!visit(trim_white_space(value.substr(0, comma)))) return false;
    if (comma == std::string_view::npos) return true;
    value.remove_prefix(comma + 1);
  }
}

/// Whether a list has `token` among its elements, compared without case.
constexpr bool list_has(std::string_view value, std::string_view token) noexcept {
  return !each_list_element(value, [token](std::string_view element) { return !equals_ignoring_case(element, token); });
}

}  // namespace uwsgiref::http
