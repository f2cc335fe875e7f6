#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "http/byte_buffer.h"

namespace uwsgiref::net {

/// The bytes of small files, by number, from when they are read until they leave. Their memory is used again and again,
/// and bounded: clients that do not read their answers get hold of so much of it and no more.
class FileBlocks {
 public:
  class Reference;

  /// Memory for `size` bytes; nullopt: all that there may be is in use.
  std::optional<uint32_t> take(size_t size) noexcept;
  /// Where the bytes of a block that was just taken are to be put.
  char* memory(uint32_t number) noexcept { return blocks_[number].bytes.reserve(blocks_[number].size); }

  std::string_view view(uint32_t number) noexcept { return {memory(number), blocks_[number].size}; }
  /// Whether there is such a block.
  bool has(uint32_t number) const noexcept { return number < blocks_.size() && blocks_[number].taken; }
  void give_back(uint32_t number) noexcept;

 private:
  struct Block {
    http::ByteBuffer bytes;  ///< its capacity alone counts
    size_t size = 0;
    bool taken = false;
  };

  std::vector<Block> blocks_;
  std::vector<uint32_t> free_;
  size_t in_use_ = 0;  ///< bytes
  size_t kept_ = 0;    ///< bytes of the free ones
};

/// Owns a block, or none.
class FileBlocks::Reference {
 public:
  Reference() = default;
  Reference(FileBlocks& blocks, uint32_t number) noexcept : blocks_(&blocks), number_(number) {}
  ~Reference() { reset(); }
  Reference(Reference&& other) noexcept : blocks_(std::exchange(other.blocks_, nullptr)), number_(other.number_) {}
  Reference& operator=(Reference&& other) noexcept {
    reset();
    blocks_ = std::exchange(other.blocks_, nullptr);
    number_ = other.number_;
    return *this;
  }

  explicit operator bool() const noexcept { return blocks_ != nullptr; }
  std::string_view view() const noexcept { return blocks_->view(number_); }
  /// Somebody else owns it now.
  void leave() noexcept { blocks_ = nullptr; }
  void reset() noexcept {
    if (blocks_) std::exchange(blocks_, nullptr)->give_back(number_);
  }

 private:
  FileBlocks* blocks_ = nullptr;
  uint32_t number_ = 0;
};

}  // namespace uwsgiref::net
