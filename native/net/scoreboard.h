#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace uwsgiref::net {

/// How many connections each of the processes has that accept at the same sockets, in memory that they share. Whoever
/// wakes up first could otherwise take all that come at once, and the others none.
class Scoreboard {
 public:
  /// Processes that there is a place for.
  static constexpr uint32_t kPlaces = 256;

  Scoreboard() = default;
  ~Scoreboard();
  Scoreboard(const Scoreboard&) = delete;
  Scoreboard& operator=(const Scoreboard&) = delete;

  /// Makes the memory; its descriptor is for others to join by, and closed in programs that are not given it. Answers 0
  /// or an errno; ENOSYS where the system has no such memory.
  int create(int& fd) noexcept;
  /// Shares the memory of the descriptor, which is closed, and takes a place in it. Answers 0 or an errno.
  int join(int fd, uint32_t place) noexcept;

  /// How many connections this process has; counts from the first time it is said.
  void note(uint32_t connections) noexcept;
  /// This process accepts no more.
  void leave() noexcept;
  /// The process that had the place is gone.
  void clear(uint32_t place) noexcept;
  /// Whether another one has so many fewer that it should have the next.
  bool has_more_than_others() const noexcept;

 private:
  /// One more than the connections; 0: nobody is here.
  using Entries = std::array<std::atomic<uint32_t>, kPlaces>;
  static_assert(std::atomic<uint32_t>::is_always_lock_free);

  int map(int fd) noexcept;

  Entries* entries_ = nullptr;
  uint32_t place_ = kPlaces;  ///< of this process; kPlaces: none
};

}  // namespace uwsgiref::net
