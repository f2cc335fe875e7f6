#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "native/split_feed.h"

/// Ends the run where the oracle is wronged; libFuzzer then keeps the input.
#define EXPECT(condition)                                                           \
  do {                                                                              \
    if (!(condition)) {                                                             \
      std::fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                 \
    }                                                                               \
  } while (false)

namespace uwsgiref::test {

/// Takes choices from the front of a fuzzer's input. The corpus files are text, so each choice is one character that
/// a reader can see.
class FuzzInput {
 public:
  FuzzInput(const uint8_t* data, size_t size) : bytes_(reinterpret_cast<const char*>(data), size) {}

  uint8_t take_byte() {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte;
  }
  template <size_t count>
  std::array<uint8_t, count> take_bytes() {
    std::array<uint8_t, count> taken;
    for (uint8_t& byte : taken) byte = take_byte();
    return taken;
  }
  /// The bytes before the next `end`, which goes with them.
  std::string_view take_until(char end) {
    const size_t size = std::min(bytes_.find(end), bytes_.size());
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(std::min(size + 1, bytes_.size()));
    return taken;
  }
  std::string_view take_line() { return take_until('\n'); }
  std::string_view rest() const { return bytes_; }

 private:
  std::string_view bytes_;
};

/// Cuts of an input of `size` bytes: each seed is a place in 256ths of it.
template <size_t count>
Cuts cuts_from(const std::array<uint8_t, count>& seeds, size_t size) {
  Cuts cuts;
  for (const uint8_t seed : seeds) cuts.push_back(size * seed / 256);
  std::sort(cuts.begin(), cuts.end());
  cuts.push_back(size);
  return cuts;
}

}  // namespace uwsgiref::test
