#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace uwsgiref::http {

/// A growable run of bytes that is filled at the end and consumed at the front. Empty, it owns no memory after
/// release(), so that an idle connection costs nothing for it.
class ByteBuffer {
 public:
  /// Where large memory comes from.
  enum class Large : uint8_t {
    kHeap,     ///< quick where buffers come and go
    kMapping,  ///< given back to the system as soon as it is free: for what only slow clients make large
  };

  explicit ByteBuffer(Large large = Large::kHeap) noexcept : large_(large) {}
  ~ByteBuffer();
  ByteBuffer(ByteBuffer&& other) noexcept : ByteBuffer(other.large_) { swap(other); }
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ByteBuffer(const ByteBuffer&) = delete;
  ByteBuffer& operator=(const ByteBuffer&) = delete;

  std::string_view view() const noexcept { return {data_ + begin_, end_ - begin_}; }
  size_t size() const noexcept { return end_ - begin_; }
  bool empty() const noexcept { return begin_ == end_; }
  size_t capacity() const noexcept { return capacity_; }

  /// Makes the capacity no less than `capacity`, and no more: for who knows how much will come. Of memory from the
  /// heap.
  void widen(size_t capacity) noexcept;
  /// The bytes, from now on the caller's to std::free(). Nothing may have been consumed, and it is memory from the
  /// heap.
  char* take() noexcept;

  /// Room for `more` bytes behind the last; the caller writes there and then calls grow_by().
  char* reserve(size_t more) noexcept;
  void grow_by(size_t written) noexcept { end_ += written; }

  void append(std::string_view bytes) noexcept {
    if (bytes.empty()) return;
    std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
    end_ += bytes.size();
  }
  /// Drops `count` bytes at the front.
  void consume(size_t count) noexcept;
  /// Drops the bytes behind the first `size`.
  void truncate(size_t size) noexcept { end_ = begin_ + size; }
  /// Forgets the bytes, keeps the memory.
  void clear() noexcept { begin_ = end_ = 0; }
  /// Forgets the bytes and frees the memory.
  void release() noexcept;

  void swap(ByteBuffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(capacity_, other.capacity_);
    std::swap(large_, other.large_);
  }

 private:
  bool is_mapping(size_t capacity) const noexcept;
  char* allocate(size_t capacity) const noexcept;
  void free_memory() noexcept;

  char* data_ = nullptr;
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t capacity_ = 0;
  Large large_;
};

}  // namespace uwsgiref::http
