#pragma once

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <vector>

#include "http/byte_buffer.h"

namespace uwsgiref::net {

class Connection;

/// Sends what connections have gathered of their answers while the loop's thread is busy, with an application's next
/// block perhaps. PEP 3333 wants a block sent before the application is asked for the next, or another thread that goes
/// on with it meanwhile. By this one, blocks that come quickly leave together, and one behind which the application
/// takes its time leaves within kDelay. It sleeps while there is nothing.
class BackgroundSender {
 public:
  /// How late a block may be. Each time what has been gathered leaves in more writes than it needs.
  static constexpr std::chrono::milliseconds kDelay{4};
  /// Connections whose output is held at a time.
  static constexpr size_t kMost = 64;
  static constexpr uint32_t kNoPlace = std::numeric_limits<uint32_t>::max();

  BackgroundSender() = default;
  ~BackgroundSender();
  BackgroundSender(const BackgroundSender&) = delete;
  BackgroundSender& operator=(const BackgroundSender&) = delete;

  // For the loop's thread.

  /// Whose output has come last; nullptr: nobody's is held.
  Connection* last() const noexcept { return held_.empty() ? nullptr : held_.back().owner; }
  /// Takes the output over, and keeps `place` up to date. False: there is no room, or no thread, and the output stays
  /// where it was. Neither may the descriptor be closed nor the owner go before take_back().
  bool hold(Connection& owner, int fd, std::unique_ptr<http::ByteBuffer>& output, uint32_t& place) noexcept;
  /// What has not been sent, and how many bytes have been.
  std::unique_ptr<http::ByteBuffer> take_back(uint32_t& place, uint64_t& sent) noexcept;

  /// What the thread does: sends what there is, as far as the kernel takes it, and answers whether something is left.
  /// What goes wrong shows when the loop's thread writes next.
  bool send() noexcept;

 private:
  struct Held {
    Connection* owner;
    uint32_t* place;  ///< the owner's
    int fd;
    uint64_t sent;
    std::unique_ptr<http::ByteBuffer> output;
  };

  bool run() noexcept;
  void send_until_stopped() noexcept;

  enum class Thread : uint8_t { kNone, kRunning, kImpossible };
  Thread state_ = Thread::kNone;
  pthread_t thread_;

  std::mutex mutex_;  ///< of everything below; the loop's thread alone changes held_ itself, and reads it without
  std::condition_variable wake_;
  std::vector<Held> held_;
  bool used_ = false;    ///< since the thread last looked
  bool asleep_ = false;  ///< until it is woken
  bool stopping_ = false;
};

}  // namespace uwsgiref::net
