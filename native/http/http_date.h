#pragma once

#include <ctime>
#include <span>

namespace uwsgiref::http {

inline constexpr size_t kHttpDateSize = 29;

/// Writes `when` as an IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7).
void format_http_date(std::time_t when, std::span<char, kHttpDateSize> out) noexcept;

}  // namespace uwsgiref::http
