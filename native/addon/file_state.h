#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "net/open_files.h"

namespace uwsgiref::addon {

/// The numbers by which JavaScript is told a file's state: size, mtime in nanoseconds, inode, device, mode, and ctime
/// in nanoseconds.
inline constexpr size_t kStateNumbers = 6;

inline int64_t nanoseconds(const timespec& time) noexcept {
  return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

/// `place` has room for them.
inline void write_state(const net::FileState& state, std::span<int64_t> place) noexcept {
  place[0] = static_cast<int64_t>(state.size);
  place[1] = nanoseconds(state.modified);
  place[2] = static_cast<int64_t>(state.inode);
  place[3] = static_cast<int64_t>(state.device);
  place[4] = static_cast<int64_t>(state.mode);
  place[5] = nanoseconds(state.changed);
}

}  // namespace uwsgiref::addon
