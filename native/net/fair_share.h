#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace uwsgiref::net {

/// What a loop does for all of its connections between two polls. When it is spent, whoever wants more yields, and the
/// others have their turn; so a thousand greedy clients keep nobody waiting for longer than such a round takes.
class CommonShare {
 public:
  /// Requests that run: some milliseconds' worth, where each costs little.
  static constexpr uint32_t kRequests = 2048;
  /// Bytes of answers that are handed to the kernel: some milliseconds' worth of copying.
  static constexpr uint64_t kBytes = 8 * 1024 * 1024;

  /// The loop polls again.
  void renew() noexcept {
    round_++;
    requests_ = kRequests;
    bytes_ = kBytes;
  }

  /// Whether it is worth while to let go on whoever has yielded.
  bool left() const noexcept { return bytes_ > 0; }

 private:
  friend class OwnShare;
  uint32_t round_ = 0;
  uint32_t requests_ = kRequests;
  uint64_t bytes_ = kBytes;
};

/// What of it one connection has had.
class OwnShare {
 public:
  /// Bytes for one connection, while the common share lasts: so many that the calls it takes do not show.
  static constexpr uint64_t kMostBytes = 1024 * 1024;
  /// Bytes for one connection when the common share is spent, so that a small answer never waits.
  static constexpr uint64_t kLeastBytes = 16 * 1024;

  /// Whether another request may run: one always may.
  bool allows_request(const CommonShare& common) const noexcept {
    return common.requests_ > 0 || round_ != common.round_ || requests_ == 0;
  }
  void take_request(CommonShare& common) noexcept {
    follow(common);
    requests_++;
    if (common.requests_ > 0) common.requests_--;
  }

  /// Bytes that may still be handed to the kernel.
  size_t bytes_left(const CommonShare& common) const noexcept {
    uint64_t taken = round_ == common.round_ ? bytes_ : 0;
    uint64_t due = common.bytes_ > 0 ? kMostBytes : kLeastBytes;
    return static_cast<size_t>(due - std::min(due, taken));
  }
  void take_bytes(CommonShare& common, uint64_t count) noexcept {
    follow(common);
    bytes_ += count;
    common.bytes_ -= std::min(common.bytes_, count);
  }

 private:
  void follow(const CommonShare& common) noexcept {
    if (round_ == common.round_) return;
    *this = {};
    round_ = common.round_;
  }

  uint32_t round_ = 0;  ///< that the numbers below are of
  uint32_t requests_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace uwsgiref::net
