#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace uwsgiref::net {

/// A block of a file, whatever descriptors there are of it.
struct FileBlock {
  dev_t device = 0;
  ino_t inode = 0;
  uint64_t number = 0;

  bool operator==(const FileBlock&) const = default;
};

/// Remembers which blocks of files have been read lately, so that they are in the page cache still: for file systems
/// that do not say themselves. It forgets where two blocks want the same place.
class LoadedBlocks {
 public:
  /// For how long a block counts as there: memory would have to be very scarce for it not to be. Milliseconds.
  static constexpr int64_t kLately = 2'000;
  /// A gigabyte's worth.
  static constexpr size_t kPlaces = 4096;

  /// `now`: milliseconds on a monotonic clock.
  void note(const FileBlock& block, int64_t now) {
    if (places_.empty()) places_.resize(kPlaces);
    places_[place_of(block)] = {block, now + kLately};
  }

  bool has(const FileBlock& block, int64_t now) const noexcept {
    if (places_.empty()) return false;
    const Place& place = places_[place_of(block)];
    return place.block == block && now < place.until;
  }

 private:
  struct Place {
    FileBlock block;
    int64_t until = 0;
  };

  static size_t place_of(const FileBlock& block) noexcept {
    // Fibonacci hashing; neighbouring blocks never want the same place.
    uint64_t file =
        (static_cast<uint64_t>(block.inode) ^ static_cast<uint64_t>(block.device) << 32) * 0x9e3779b97f4a7c15;
    return static_cast<size_t>((file >> 32) + block.number) % kPlaces;
  }

  std::vector<Place> places_;
};

}  // namespace uwsgiref::net
