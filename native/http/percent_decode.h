#pragma once

#include <cstddef>
#include <string_view>

namespace uwsgiref::http {

/// Decodes percent-encoded octets of `text` into `out`, which holds text.size() bytes, and answers how many were
/// written. A percent sign that two hex digits do not follow stays as it is, as Python's urllib.parse.unquote has it.
size_t percent_decode(std::string_view text, char* out) noexcept;

}  // namespace uwsgiref::http
