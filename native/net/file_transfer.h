#pragma once

#include <cstdint>
#include <optional>

#include "net/file_region.h"

namespace uwsgiref::net {

class Connection;

/// Sends a region of a file, whose owner keeps it open until the transfer is over: a small one in one write with what
/// stands before it, else by sendfile(2) on a plain connection, and through one buffer of the loop over TLS.
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

  void begin(const FileRegion& region) noexcept { region_ = region, active_ = true; }
  void stop() noexcept { active_ = false; }
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
  bool active_ = false;
};

}  // namespace uwsgiref::net
