#include "net/file_blocks.h"

namespace uwsgiref::net {
namespace {

constexpr size_t kMostInUse = 16 * 1024 * 1024;
constexpr size_t kMostKept = 1024 * 1024;

}  // namespace

std::optional<uint32_t> FileBlocks::take(size_t size) noexcept {
  if (size > kMostInUse || in_use_ > kMostInUse - size) return std::nullopt;
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(blocks_.size()));
    blocks_.emplace_back();
  }
  const uint32_t number = free_.back();
  free_.pop_back();
  Block& block = blocks_[number];
  kept_ -= block.bytes.capacity();
  block.bytes.reserve(size);
  block.size = size;
  block.taken = true;
  in_use_ += block.bytes.capacity();
  return number;
}

void FileBlocks::give_back(uint32_t number) noexcept {
  Block& block = blocks_[number];
  in_use_ -= block.bytes.capacity();
  block.taken = false;
  if (kept_ + block.bytes.capacity() > kMostKept) block.bytes.release();
  kept_ += block.bytes.capacity();
  free_.push_back(number);
}

}  // namespace uwsgiref::net
