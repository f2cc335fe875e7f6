#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "net/deadlines.h"
#include "net/settings.h"

namespace uwsgiref::net {

/// What a connection waits for.
enum class Wait : uint8_t {
  kNothing,  ///< an application that has begun its answer
  kHead,     ///< the rest of a request head, or of the first one anything at all
  kIdle,     ///< another request
  kBody,     ///< the rest of a request body
  kAnswer,   ///< an application that has not begun its answer
  kSend,     ///< the client to read
  kDisk,     ///< a thread to read what comes next of a file
  kLinger,   ///< the client to see the last answer and to close
};
inline constexpr size_t kWaits = 8;

/// A wait, and when it is over.
struct Waiting {
  Wait kind = Wait::kNothing;
  int64_t since = 0;         ///< milliseconds on the loop's clock
  uint64_t moved = 0;        ///< bytes of what is awaited that came, or reached the client, since
  uint64_t delivered = 0;    ///< kSend: bytes that had reached the client when that was looked at last
  int64_t delivered_at = 0;  ///< kSend: when it was seen to have become more; milliseconds

  /// When patience ends, if nothing happens from `now` on. Only bodies and answers are given more time by progress,
  /// and that for as long as their average is above the least rate; a head has to be whole in its time. An answer's
  /// progress has to be looked at; see look_at_delivery(). `drain_idle`: what a listener that drains lets an idle
  /// connection wait, in milliseconds.
  int64_t deadline(const Settings& limits, std::optional<uint32_t> drain_idle, int64_t now) const noexcept {
    switch (kind) {
      case Wait::kNothing:
      case Wait::kDisk:
        break;
      case Wait::kHead:
        return after(since, limits.headers_timeout);
      case Wait::kIdle:
        return std::min(after(since, limits.keep_alive_timeout), drain_idle ? since + *drain_idle : Deadlines::kNever);
      case Wait::kBody:
        return std::min(after(now, limits.body_timeout), at_rate(limits.min_upload_rate));
      case Wait::kAnswer:
        return after(since, limits.request_timeout);
      case Wait::kSend:
        return after(now, patience(limits) / kLooks);
      case Wait::kLinger:
        return std::min(since + (drain_idle ? kLingerTimeout : kLongestLinger), now + kLingerTimeout);
    }
    return Deadlines::kNever;
  }

  /// Takes note that of an answer `delivered_now` bytes have reached the client. Answers whether to wait on: for as
  /// long as some do within send_timeout, and on average of as long a time at the least rate. `pace`: bytes a second
  /// that leave at most; 0: any.
  bool look_at_delivery(const Settings& limits, uint32_t pace, uint64_t delivered_now, int64_t now) noexcept {
    if (delivered_now > delivered) {
      moved += delivered_now - delivered;
      delivered_at = now;
    }
    delivered = delivered_now;
    if (limits.send_timeout != 0 && now - delivered_at >= limits.send_timeout) return false;
    if (now - since < patience(limits)) return true;
    if (moved * 1000 < least_rate(limits, pace) * static_cast<uint64_t>(now - since)) return false;
    since = now;
    moved = 0;
    return true;
  }

 private:
  /// Looks at an answer's progress until patience ends without any.
  static constexpr uint32_t kLooks = 4;

  static uint32_t patience(const Settings& limits) noexcept {
    if (limits.send_timeout != 0) return limits.send_timeout;
    return limits.min_download_rate != 0 ? kRateGrace : 0;
  }

  /// Bytes a second. No client is faster than its answer's pace, and half of that tells who keeps up with it: segments
  /// leave whole, so that any time has a few more of them or less than its share.
  static uint64_t least_rate(const Settings& limits, uint32_t pace) noexcept {
    return pace == 0 ? limits.min_download_rate : std::min(limits.min_download_rate, pace / 2);
  }

  static int64_t after(int64_t begin, uint32_t timeout) noexcept {
    return timeout == 0 ? Deadlines::kNever : begin + timeout;
  }

  /// When what has moved falls behind the rate.
  int64_t at_rate(uint32_t bytes_a_second) const noexcept {
    if (bytes_a_second == 0) return Deadlines::kNever;
    return since + kRateGrace + static_cast<int64_t>(moved / bytes_a_second) * 1000;
  }
};

}  // namespace uwsgiref::net
