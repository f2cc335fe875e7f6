#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace uwsgiref::net {

class Connection;

/// A region of an open file. The descriptor stays its owner's, who keeps it open until the transfer is over.
struct FileRegion {
  int fd = -1;
  uint64_t offset = 0;
  uint64_t length = 0;
};

/// Sends a region of a file: by sendfile(2) on a plain connection, through one buffer of the loop over TLS.
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

  /// Sends on as far as the connection takes it. Everything before the file must have left.
  Progress send(Connection& connection) noexcept;

 private:
  Progress send_plain(Connection& connection) noexcept;
  Progress send_through_buffer(Connection& connection) noexcept;

  FileRegion region_;
  bool active_ = false;
};

}  // namespace uwsgiref::net
