#pragma once

#include <cstddef>
#include <utility>

namespace uwsgiref::net {

/// The memory that the request bodies of a loop may hold together, so that a flood of uploads finds a bound.
class BodyMemory {
 public:
  explicit BodyMemory(size_t most) noexcept : most_(most) {}
  size_t used() const noexcept { return used_; }

 private:
  friend class BodyMemoryShare;
  const size_t most_;
  size_t used_ = 0;
};

/// What of it one request has. It is given back with the object.
class BodyMemoryShare {
 public:
  BodyMemoryShare() = default;
  ~BodyMemoryShare() { release(); }
  BodyMemoryShare(BodyMemoryShare&& other) noexcept { swap(other); }
  BodyMemoryShare& operator=(BodyMemoryShare&& other) noexcept {
    swap(other);
    return *this;
  }
  BodyMemoryShare(const BodyMemoryShare&) = delete;
  BodyMemoryShare& operator=(const BodyMemoryShare&) = delete;

  /// Takes more, until the share is `bytes`. False: there is not as much left, and the share is what it was.
  bool grow_to(BodyMemory& memory, size_t bytes) noexcept {
    if (bytes <= bytes_) return true;
    if (bytes - bytes_ > memory.most_ - memory.used_) return false;
    memory.used_ += bytes - bytes_;
    memory_ = &memory;
    bytes_ = bytes;
    return true;
  }

  void release() noexcept {
    if (memory_) memory_->used_ -= bytes_;
    memory_ = nullptr;
    bytes_ = 0;
  }

 private:
  void swap(BodyMemoryShare& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(bytes_, other.bytes_);
  }

  BodyMemory* memory_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace uwsgiref::net
