#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

#include "net/file_region.h"
#include "net/loaded_blocks.h"
#include "net/page_cache.h"
#include "net/reader_threads.h"
#include "net/usockets.h"

namespace uwsgiref::net {

class Connection;

/// Brings parts of files into the page cache while their connections wait and the loop goes on. Threads see no
/// connection: each read has a descriptor of its own, and a number by which its connection is looked up when it is
/// finished, if there still is one.
class PageLoader {
 public:
  /// What a connection gets at a time: as much as its share of a round. Bytes.
  static constexpr uint64_t kSlice = 4 * kBlock;

  explicit PageLoader(us_loop_t* loop) noexcept : loop_(loop), threads_(loop) {}
  PageLoader(const PageLoader&) = delete;
  PageLoader& operator=(const PageLoader&) = delete;

  /// Has the first kSlice of the region, with the blocks it lies in, read; `Connection::on_loaded` says when. Answers a
  /// number for forget(). The region's descriptor has to stay open until either.
  uint64_t load(Connection& connection, const FileRegion& region);
  /// The connection does not want to hear of it any more.
  void forget(uint64_t ticket) noexcept;

  /// Reads that nobody has begun yet.
  size_t waiting() const noexcept { return waiting_.size(); }

  /// Tells the connections of the reads that are finished.
  void deliver() noexcept;

  /// How much of the region, from its beginning and at most up to the end of its block, was loaded lately.
  uint64_t loaded_lately(const FileRegion& region) const noexcept;

 private:
  /// Reads in the threads' hands: as many again as they can make at a time, so that none is idle while the loop is
  /// busy. Only these have a descriptor besides their connection's.
  static constexpr size_t kMostStarted = 2 * ReaderThreads::kMost;

  struct Waiting {
    Connection* connection;
    FileRegion region;
  };
  struct Started {
    Connection* connection = nullptr;  ///< nullptr once it is forgotten
    uint64_t ticket = 0;               ///< 0: this place is free
    FileBlock first;                   ///< of the blocks that are read
    uint64_t blocks = 0;               ///< how many they are
  };

  void start_more() noexcept;
  bool start(const Waiting& next, uint64_t ticket) noexcept;
  bool any_started() const noexcept;

  us_loop_t* loop_;
  std::map<uint64_t, Waiting> waiting_;  ///< by ticket, which is the order in which they came
  uint64_t next_ticket_ = 1;
  std::array<Started, kMostStarted> started_;
  LoadedBlocks loaded_;
  ReaderThreads threads_;
};

}  // namespace uwsgiref::net
