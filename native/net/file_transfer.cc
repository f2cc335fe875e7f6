#include "net/file_transfer.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#if defined(__linux__)
#include <sys/sendfile.h>
#endif

#include "net/connection.h"
#include "net/event_loop.h"
#include "net/page_cache.h"

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

bool connection_broken(int error) noexcept {
  return error == EPIPE || error == ECONNRESET || error == ENOTCONN || error == ETIMEDOUT || error == EHOSTUNREACH;
}

}  // namespace

FileTransfer::Progress FileTransfer::send(Connection& connection) noexcept {
  Progress progress = Progress::kDone;
  if (auto small = send_small(connection)) {
    progress = *small;
  } else {
    // What stands before the file shares a packet with its beginning.
    connection.flush(true);
    if (connection.queued() > 0) return Progress::kBlocked;
    progress = connection.secure() ? send_through_buffer(connection) : send_plain(connection);
  }
  if (progress == Progress::kDone) stop();
  return progress;
}

std::optional<FileTransfer::Progress> FileTransfer::send_small(Connection& connection) noexcept {
  if (!held_.block && region_.length > connection.settings().small_file_size) return std::nullopt;
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
    output.append(held_.block.view().substr(0, length));
  } else {
    if (read_cached(region_, output.reserve(length)) != static_cast<ssize_t>(length)) return std::nullopt;
    output.grow_by(length);
  }
  advance(length);
  return Progress::kDone;
}

FileTransfer::Progress FileTransfer::send_plain(Connection& connection) noexcept {
  while (region_.length > 0) {
    size_t share = connection.share_left();
    if (share == 0) return Progress::kYielded;
    ssize_t sent = send_file(connection.fd(), region_.fd, region_.offset, std::min<uint64_t>(region_.length, share));
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
    size_t wanted = static_cast<size_t>(std::min<uint64_t>(region_.length, kPiece));
    ssize_t read = ::pread(region_.fd, buffer->reserve(kPiece), wanted, static_cast<off_t>(region_.offset));
    if (read < 0 && errno == EINTR) continue;
    if (read <= 0) {
      progress = read == 0 ? Progress::kShrank : Progress::kFailed;
      break;
    }
    size_t taken = connection.write_now({buffer->reserve(kPiece), static_cast<size_t>(read)}, false);
    advance(taken);
    if (taken < static_cast<size_t>(read)) {
      progress = Progress::kBlocked;
      break;
    }
  }
  int error = errno;  // for whoever reports kFailed
  connection.loop().give_back(std::move(buffer));
  errno = error;
  return progress;
}

}  // namespace uwsgiref::net
