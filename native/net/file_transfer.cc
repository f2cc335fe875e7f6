#include "net/file_transfer.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#if defined(__linux__)
#include <sys/sendfile.h>
#endif

#include "net/connection.h"
#include "net/event_loop.h"
#include "net/page_cache.h"
#include "net/page_loader.h"

namespace uwsgiref::net {
namespace {

// sendfile(2) with one signature; answers the bytes that left, or -1 with errno. A short count with an error behind it
// is reported as the count.
ssize_t send_file(int socket, int file, uint64_t offset, size_t length) noexcept {
#if defined(__linux__)
  off_t position = static_cast<off_t>(offset);
  return ::sendfile(socket, file, &position, length);
#elif defined(__APPLE__)
  off_t sent = static_cast<off_t>(length);
  int result = ::sendfile(file, socket, static_cast<off_t>(offset), &sent, nullptr, 0);
  return result == 0 || sent > 0 ? static_cast<ssize_t>(sent) : -1;
#else
#error "uwsgiref sends files by sendfile(2) on Linux and macOS"
#endif
}

// What sendfile(2) moves in one go, through a pipe of 16 pages, wherever in the first of them it begins. With so much
// at most a head shares a packet. Before more it leaves alone: held back for that, it costs a fifth of all the CPU of
// 100 KiB and of 10 MiB, as measured over loopback, and more than a packet of its own.
constexpr uint64_t kOneGo = 15 * 4096;

bool connection_broken(int error) noexcept {
  return error == EPIPE || error == ECONNRESET || error == ENOTCONN || error == ETIMEDOUT || error == EHOSTUNREACH;
}

}  // namespace

void FileTransfer::begin_part(const FileRegion& region, bool first) noexcept {
  auto before = state_;
  begin(region, {});
  if (first) {
    watch();
  } else {
    state_ = before;
  }
}

void FileTransfer::watch() noexcept {
  just_asked_ = false;
  // What was read already cannot change.
  if (!state_ && !held_.block) state_ = FileState::of(region_.fd);
}

void FileTransfer::stop() noexcept {
  if (loader_) std::exchange(loader_, nullptr)->forget(ticket_);
  active_ = false;
  held_ = {};
  loaded_until_ = 0;
  load_error_ = 0;
  offered_ = 0;
}

FileTransfer::Progress FileTransfer::load(Connection& connection) noexcept {
  connection.loop().counters().cold_reads++;
  loader_ = &connection.loop().page_loader();
  ticket_ = loader_->load(connection, region_);
  return Progress::kLoading;
}

void FileTransfer::loaded(int error_number) noexcept {
  loader_ = nullptr;
  load_error_ = error_number;
  // Of this much the next attempt does not ask again whether it is there, so that there is progress whatever the page
  // cache keeps.
  loaded_until_ = region_.offset + std::min(region_.length, PageLoader::kSlice);
}

FileTransfer::Progress FileTransfer::send(Connection& connection) noexcept {
  if (load_error_ != 0) {
    errno = load_error_;
    return Progress::kFailed;
  }
  Progress progress = Progress::kDone;
  if (auto change = look_for_changes()) {
    progress = *change;
  } else if (auto small = send_small(connection)) {
    progress = *small;
  } else if (uint64_t due = at_hand(connection); due == 0) {
    // What stands before the file does not wait for the disk.
    progress = load(connection);
  } else {
    connection.flush(region_.length <= kOneGo);
    if (connection.queued() > 0) {
      progress = Progress::kBlocked;
    } else {
      progress = connection.secure() ? send_through_buffer(connection) : send_plain(connection, due);
    }
  }
  loaded_until_ = 0;
  bool goes_on = progress == Progress::kBlocked || progress == Progress::kYielded || progress == Progress::kLoading;
  // What leaves at once has no time to change.
  if (goes_on) watch();
  if (progress == Progress::kDone) stop();
  return progress;
}

std::optional<FileTransfer::Progress> FileTransfer::send_small(Connection& connection) noexcept {
  if (!held_.block && (begun_ || region_.length > connection.settings().small_file_size)) return std::nullopt;
  if (connection.queued() > 0) return Progress::kBlocked;
  if (connection.share_left() < region_.length) return Progress::kYielded;
  auto length = static_cast<size_t>(region_.length);
  http::ByteBuffer& output = connection.output_of_turn();
  // A head alone always waits for its file.
  if (output.size() > kSmallBody && output.size() + length > kTurnOutput) {
    connection.flush(true);
    if (connection.queued() > 0) return Progress::kBlocked;
  }
  if (held_.block) {
    connection.send(held_.block.view().substr(0, length));
  } else {
    bool loaded = loaded_until_ > 0;
    ssize_t count = read(connection, output.reserve(length), length);
    if (count != static_cast<ssize_t>(length)) {
      bool cold = !loaded && (count > 0 || (count < 0 && errno == EAGAIN));
      return cold ? std::optional(load(connection)) : std::nullopt;
    }
    output.grow_by(length);
  }
  advance(length);
  return Progress::kDone;
}

FileTransfer::Progress FileTransfer::send_plain(Connection& connection, uint64_t due) noexcept {
  while (region_.length > 0) {
    size_t share = connection.share_left();
    if (share == 0) return Progress::kYielded;
    if (due == 0) due = at_hand(connection);
    if (due == 0) return load(connection);
    size_t asked = static_cast<size_t>(std::min<uint64_t>(due, share));
    ssize_t sent = send_file(connection.fd(), region_.fd, region_.offset, asked);
    if (sent == 0) return Progress::kShrank;
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return Progress::kBlocked;
      // A file system without sendfile, or a descriptor that cannot be mapped.
      if (errno == EINVAL || errno == ENOSYS) return send_through_buffer(connection);
      return connection_broken(errno) ? Progress::kGone : Progress::kFailed;
    }
    auto count = static_cast<uint64_t>(sent);
    advance(count);
    due -= count;
    connection.note_sent(count);
    connection.loop().counters().sendfile_bytes += count;
  }
  return Progress::kDone;
}

FileTransfer::Progress FileTransfer::send_through_buffer(Connection& connection) noexcept {
  constexpr size_t kPiece = 64 * 1024;
  auto buffer = connection.loop().take_buffer();
  Progress progress = Progress::kDone;
  while (region_.length > 0) {
    if (connection.share_left() == 0) {
      progress = Progress::kYielded;
      break;
    }
    size_t wanted = offered_ > 0 ? offered_ : static_cast<size_t>(std::min<uint64_t>(region_.length, kPiece));
    ssize_t count = read(connection, buffer->reserve(kPiece), wanted);
    if (count < 0 && errno == EAGAIN) {
      progress = load(connection);
      break;
    }
    if (count <= 0 || static_cast<size_t>(count) < offered_) {
      progress = count >= 0 ? Progress::kShrank : Progress::kFailed;
      break;
    }
    size_t taken = connection.write_now({buffer->reserve(kPiece), static_cast<size_t>(count)}, false);
    advance(taken);
    offered_ = taken == 0 && connection.secure() ? static_cast<size_t>(count) : 0;
    if (taken < static_cast<size_t>(count)) {
      progress = Progress::kBlocked;
      break;
    }
  }
  int error = errno;  // for whoever reports kFailed
  connection.loop().give_back(std::move(buffer));
  errno = error;
  return progress;
}

ssize_t FileTransfer::read(Connection& connection, char* into, size_t length) noexcept {
  FileRegion next{region_.fd, region_.offset, length};
  if (offered_ > 0) {
    // TLS wants it whole, and it has just been in memory.
  } else if (loaded_until_ > next.offset) {
    next.length = std::min(next.length, loaded_until_ - next.offset);
  } else {
    ssize_t count = read_cached(next, into);
    if (count >= 0 || errno != EOPNOTSUPP) return count;
    next.length = connection.loop().page_loader().loaded_lately(next);
    if (next.length == 0) {
      errno = EAGAIN;
      return -1;
    }
  }
  ssize_t count;
  do {
    count = ::pread(next.fd, into, static_cast<size_t>(next.length), static_cast<off_t>(next.offset));
  } while (count < 0 && errno == EINTR);
  return count;
}

std::optional<FileTransfer::Progress> FileTransfer::look_for_changes() noexcept {
  if (!state_ || just_asked_) return std::nullopt;
  auto now = FileState::of(region_.fd);
  // Whoever reads it meets the error.
  if (!now) return std::nullopt;
  auto before = std::exchange(state_, now);
  bool written = now->modified.tv_sec != before->modified.tv_sec || now->modified.tv_nsec != before->modified.tv_nsec;
  // What is longer was appended to, as a log is; what is not had other bytes in it.
  if (!written || now->size > before->size) return std::nullopt;
  bool reaches = static_cast<uint64_t>(now->size) >= region_.offset + region_.length;
  return reaches ? Progress::kChanged : Progress::kShrank;
}

uint64_t FileTransfer::at_hand(Connection& connection) noexcept {
  if (loaded_until_ > region_.offset) return loaded_until_ - region_.offset;
  if (held_.open && held_.open.in_memory_lately(EventLoop::now())) return region_.length;
  if (auto cached = cached_bytes(region_)) {
    if (held_.open && *cached == static_cast<uint64_t>(held_.open.state().size)) {
      held_.open.note_in_memory(EventLoop::now());
    }
    return *cached;
  }
  return connection.loop().page_loader().loaded_lately(region_);
}

}  // namespace uwsgiref::net
