#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "net/file_blocks.h"
#include "net/file_region.h"
#include "net/open_files.h"

namespace uwsgiref::net {

class Connection;
class PageLoader;

/// What a transfer has of the file for itself, and gives back when it is over. Neither: the file's owner keeps it open
/// for so long.
struct HeldFile {
  OpenFiles::Reference open;
  FileBlocks::Reference block;  ///< the bytes of the region, read already
};

/// Sends a region of a file: a small one in one write with what stands before it, else by sendfile(2) on a plain
/// connection, and through one buffer of the loop over TLS. What is not in the page cache is first brought there by a
/// thread, so that the loop never waits for a disk.
class FileTransfer {
 public:
  enum class Progress : uint8_t {
    kDone,
    kBlocked,  ///< the connection takes no more now
    kYielded,  ///< had its share of this turn; asks to go on in the next
    kLoading,  ///< a thread reads what comes next; see loaded()
    kShrank,   ///< the file ended before the region did
    kChanged,  ///< the file was written to, other than at its end
    kFailed,   ///< the file could not be read; errno says why
    kGone,     ///< the connection is broken
  };

  void begin(const FileRegion& region, HeldFile held) noexcept {
    region_ = region;
    held_ = std::move(held);
    active_ = true;
    begun_ = false;
    state_.reset();
    if (held_.open) state_ = held_.open.state();
    just_asked_ = state_.has_value();
  }
  /// One region of several: `first`, or behind another of the same file, which must have the same state for all of
  /// them.
  void begin_part(const FileRegion& region, bool first) noexcept;
  /// Although it does not leave at once, it is to be sent in the state that it was described by, or has now.
  void watch() noexcept;
  void stop() noexcept;
  bool active() const noexcept { return active_; }
  bool loading() const noexcept { return loader_ != nullptr; }
  /// What comes next has been read, or could not be: then an errno.
  void loaded(int error_number) noexcept;
  /// Bytes that have not left.
  uint64_t unsent() const noexcept { return active_ ? region_.length : 0; }

  /// Sends on as far as the connection takes it, behind what is in the output of its turn.
  Progress send(Connection& connection) noexcept;

 private:
  /// nullopt: it has to go the other way.
  std::optional<Progress> send_small(Connection& connection) noexcept;
  /// The first `due` bytes are at hand.
  Progress send_plain(Connection& connection, uint64_t due) noexcept;
  Progress send_through_buffer(Connection& connection) noexcept;

  /// Reads from where the transfer is, as pread(2) does, but for errno EAGAIN: that would have to wait for a disk.
  ssize_t read(Connection& connection, char* into, size_t length) noexcept;
  /// How many bytes from where the transfer is can be read without waiting for a disk.
  uint64_t at_hand(Connection& connection) noexcept;
  Progress load(Connection& connection) noexcept;
  /// kShrank or kChanged where the file is not what it was when the transfer began, with perhaps more behind that.
  std::optional<Progress> look_for_changes() noexcept;

  void advance(uint64_t sent) noexcept {
    region_.offset += sent;
    region_.length -= sent;
    begun_ = true;
  }

  FileRegion region_;
  HeldFile held_;
  bool active_ = false;
  std::optional<FileState> state_;  ///< that the file was last seen in, once something has to wait
  bool begun_ = false;              ///< some of it has left
  bool just_asked_ = false;         ///< whoever holds the file has, whether it is in that state
  PageLoader* loader_ = nullptr;    ///< while a thread reads, or is going to
  uint64_t ticket_ = 0;             ///< of what it reads
  uint64_t loaded_until_ = 0;       ///< offset in the file up to which it has just read
  int load_error_ = 0;              ///< why it could not
  size_t offered_ = 0;              ///< bytes that TLS has begun to take, and wants before any others (SSL_write(3))
};

}  // namespace uwsgiref::net
