#include "http/byte_buffer.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace uwsgiref::http {
namespace {

constexpr size_t kSmallestCapacity = 512;

}  // namespace

ByteBuffer::~ByteBuffer() { std::free(data_); }

char* ByteBuffer::reserve(size_t more) noexcept {
  if (data_ != nullptr && capacity_ - end_ >= more) return data_ + end_;

  const size_t held = size();
  if (more > SIZE_MAX / 2 - held) std::abort();
  // Moving costs no more than what has been consumed since, so that a long stream stays linear.
  if (begin_ >= held && capacity_ - held >= more && data_ != nullptr) {
    std::memmove(data_, data_ + begin_, held);
  } else {
    const size_t wanted = std::max({kSmallestCapacity, capacity_ * 2, held + more});
    char* const grown = static_cast<char*>(std::malloc(wanted));
    // Without memory for what is due a connection cannot be told so either.
    if (grown == nullptr) std::abort();
    if (held > 0) std::memcpy(grown, data_ + begin_, held);
    std::free(data_);
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
  std::free(data_);
  data_ = nullptr;
  begin_ = end_ = capacity_ = 0;
}

}  // namespace uwsgiref::http
