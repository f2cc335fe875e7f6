#pragma once

#include <cstdint>
#include <string_view>

namespace uwsgiref::http {

/// A run of bytes inside a request head, as offsets, so that it outlives a move of the buffer it was parsed in.
struct Slice {
  uint32_t begin = 0;
  uint32_t end = 0;

  constexpr uint32_t size() const noexcept { return end - begin; }
  constexpr bool empty() const noexcept { return begin == end; }
  constexpr std::string_view of(std::string_view bytes) const noexcept { return bytes.substr(begin, end - begin); }
};

}  // namespace uwsgiref::http
