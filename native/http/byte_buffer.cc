#include "http/byte_buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace uwsgiref::http {
namespace {

constexpr size_t kSmallestCapacity = 512;
// glibc has mappings for large blocks as well, but only up to the first that is freed: from then on those of that size
// lie in the heap, which ends at the last block in use (mallopt(3), M_MMAP_THRESHOLD).
constexpr size_t kMappedCapacity = 128 * 1024;

}  // namespace

ByteBuffer::~ByteBuffer() { free_memory(); }

bool ByteBuffer::is_mapping(size_t capacity) const noexcept {
  return large_ == Large::kMapping && capacity >= kMappedCapacity;
}

char* ByteBuffer::allocate(size_t capacity) const noexcept {
  void* memory = is_mapping(capacity)
                     ? ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                     : std::malloc(capacity);
  // Without memory for what is due a connection cannot be told so either.
  if (memory == nullptr || memory == MAP_FAILED) std::abort();
  return static_cast<char*>(memory);
}

void ByteBuffer::free_memory() noexcept {
  if (is_mapping(capacity_)) {
    ::munmap(data_, capacity_);
  } else {
    std::free(data_);
  }
}

char* ByteBuffer::reserve(size_t more) noexcept {
  if (data_ != nullptr && capacity_ - end_ >= more) return data_ + end_;

  const size_t held = size();
  if (more > SIZE_MAX / 2 - held) std::abort();
  // Moving costs no more than what has been consumed since, so that a long stream stays linear.
  if (begin_ >= held && capacity_ - held >= more && data_ != nullptr) {
    std::memmove(data_, data_ + begin_, held);
  } else {
    const size_t wanted = std::max({kSmallestCapacity, capacity_ * 2, held + more});
    char* const grown = allocate(wanted);
    if (held > 0) std::memcpy(grown, data_ + begin_, held);
    free_memory();
    data_ = grown;
    capacity_ = wanted;
  }
  begin_ = 0;
  end_ = held;
  return data_ + end_;
}

void ByteBuffer::widen(size_t capacity) noexcept {
  if (capacity <= capacity_) return;
  const size_t held = size();
  if (begin_ > 0) std::memmove(data_, data_ + begin_, held);
  // A large block is moved by its pages, not by its bytes.
  data_ = static_cast<char*>(std::realloc(data_, capacity));
  if (data_ == nullptr) std::abort();
  begin_ = 0;
  end_ = held;
  capacity_ = capacity;
}

char* ByteBuffer::take() noexcept {
  begin_ = end_ = capacity_ = 0;
  return std::exchange(data_, nullptr);
}

void ByteBuffer::consume(size_t count) noexcept {
  begin_ += count;
  if (begin_ == end_) begin_ = end_ = 0;
}

void ByteBuffer::release() noexcept {
  free_memory();
  data_ = nullptr;
  begin_ = end_ = capacity_ = 0;
}

}  // namespace uwsgiref::http
