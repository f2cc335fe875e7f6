#pragma once

#include <cstdint>
#include <optional>

#include "net/file_blocks.h"
#include "net/file_region.h"
#include "net/open_files.h"

namespace uwsgiref::net {

class Connection;

/// What a transfer has of the file for itself, and gives back when it is over. Neither: the file's owner keeps it open
/// for so long.
struct HeldFile {
  OpenFiles::Reference open;
  FileBlocks::Reference block;  ///< the bytes of the region, read already
};

/// Sends a region of a file: a small one in one write with what stands before it, else by sendfile(2) on a plain
/// connection, and through one buffer of the loop over TLS.
class FileTransfer {
 public:
  enum class Progress : uint8_t {
    kDone,
    kBlocked,  ///< the connection takes no more now
    kYielded,  ///< had its share of this turn; asks to go on in the next
    kShrank,   ///< the file ended before the region did
    kFailed,   ///< the file could not be read; errno says why
    kGone,     ///< the connection is broken
  };

  void begin(const FileRegion& region, HeldFile held) noexcept {
    region_ = region;
    held_ = std::move(held);
    active_ = true;
  }
  void stop() noexcept {
    active_ = false;
    held_ = {};
  }
  bool active() const noexcept { return active_; }
  /// Bytes that have not left.
  uint64_t unsent() const noexcept { return active_ ? region_.length : 0; }

  /// Sends on as far as the connection takes it, behind what is in the output of its turn.
  Progress send(Connection& connection) noexcept;

 private:
  /// nullopt: it has to go the other way.
  std::optional<Progress> send_small(Connection& connection) noexcept;
  Progress send_plain(Connection& connection) noexcept;
  Progress send_through_buffer(Connection& connection) noexcept;

  void advance(uint64_t sent) noexcept { region_.offset += sent, region_.length -= sent; }

  FileRegion region_;
  HeldFile held_;
  bool active_ = false;
};

}  // namespace uwsgiref::net
