#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

/// How an input reaches code that takes it piece by piece: the ways to cut it, and memory in which reading one byte
/// too many is a crash.
namespace uwsgiref::test {

/// Memory with an unreadable page behind it.
class GuardedMemory {
 public:
  explicit GuardedMemory(size_t capacity) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    readable_ = (capacity + page - 1) / page * page;
    mapped_ = readable_ + page;
    void* const base = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) std::abort();
    base_ = static_cast<char*>(base);
    if (mprotect(base_ + readable_, page, PROT_NONE) != 0) std::abort();
  }
  ~GuardedMemory() { munmap(base_, mapped_); }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  /// A copy of `bytes` whose last byte is the last readable one. Valid until the next call.
  std::string_view place(std::string_view bytes) {
    if (bytes.size() > readable_) std::abort();
    char* const at = base_ + readable_ - bytes.size();
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    return {at, bytes.size()};
  }

 private:
  char* base_ = nullptr;
  size_t readable_ = 0;
  size_t mapped_ = 0;
};

/// Offsets at which an input has arrived so far, the last of them its size.
using Cuts = std::vector<size_t>;

inline Cuts whole(size_t size) { return {size}; }

inline Cuts byte_by_byte(size_t size) {
  Cuts cuts;
  for (size_t at = 1; at <= size; ++at) cuts.push_back(at);
  if (size == 0) cuts.push_back(0);
  return cuts;
}

/// Whole, byte by byte, and in two at every offset. Of a long input's inner offsets only some: every one of a few
/// kilobytes costs quadratic time and meets the same states again.
inline std::vector<Cuts> every_feeding(size_t size) {
  constexpr size_t kEdge = 600;
  constexpr size_t kStride = 97;
  std::vector<Cuts> feedings{whole(size), byte_by_byte(size)};
  for (size_t at = 1; at < size; at += at < kEdge || size - at <= kEdge ? 1 : kStride) feedings.push_back({at, size});
  return feedings;
}

/// What stands behind an input in a connection's buffer: another request, or noise.
inline const std::vector<std::string_view>& garbage() {
  using namespace std::string_view_literals;
  static const std::vector<std::string_view> kinds{
      "GET /next HTTP/1.1\r\n\r\n"sv, "\0\x01\x7f\xff\r\n\r\n\0"sv, "\r"sv, "\n"sv, " "sv, ":"sv, "0\r\n\r\n"sv};
  return kinds;
}

}  // namespace uwsgiref::test
