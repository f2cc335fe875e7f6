#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace uwsgiref::net {

class Connection;

/// One deadline a connection, in one dense array. Arming is a single store, so that a busy connection pays nothing for
/// its timeouts; the sweep is a linear scan, some 20 µs for 100,000 connections.
class Deadlines {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  uint32_t add(Connection* connection) {
    if (free_.empty()) {
      deadlines_.push_back(kNever);
      connections_.push_back(connection);
      return static_cast<uint32_t>(deadlines_.size() - 1);
    }
    uint32_t slot = free_.back();
    free_.pop_back();
    connections_[slot] = connection;
    return slot;
  }

  void remove(uint32_t slot) {
    deadlines_[slot] = kNever;
    connections_[slot] = nullptr;
    free_.push_back(slot);
  }

  /// `at`: milliseconds on the loop's clock, or kNever.
  void set(uint32_t slot, int64_t at) noexcept { deadlines_[slot] = at; }

  /// Calls `expire(Connection&)` for each that is due, up to `most`. It may remove connections and add them. Answers
  /// whether more may be due.
  template <typename Expire>
  bool sweep(int64_t now, size_t most, Expire expire) {
    for (size_t slot = 0; slot < deadlines_.size(); slot++) {
      if (deadlines_[slot] > now) continue;
      if (most-- == 0) return true;
      deadlines_[slot] = kNever;
      expire(*connections_[slot]);
    }
    return false;
  }

  template <typename Visit>
  void for_each(Visit visit) {
    for (size_t slot = 0; slot < connections_.size(); slot++) {
      if (connections_[slot]) visit(*connections_[slot]);
    }
  }

  size_t count() const noexcept { return connections_.size() - free_.size(); }

 private:
  std::vector<int64_t> deadlines_;
  std::vector<Connection*> connections_;
  std::vector<uint32_t> free_;
};

}  // namespace uwsgiref::net
