#include "net/page_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#if defined(__linux__)
#include <linux/magic.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#endif

namespace uwsgiref::net {

#if defined(__linux__)

namespace {

/// Whether the file lies in memory, but for what is swapped out. Such a file system has no RWF_NOWAIT (preadv2(2)).
bool lies_in_memory(int fd) noexcept {
  struct statfs status;
  return ::fstatfs(fd, &status) == 0 && (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC);
}

ssize_t read_unless_waiting(int fd, uint64_t offset, char* into, size_t length) noexcept {
  iovec piece{.iov_base = into, .iov_len = length};
  return ::preadv2(fd, &piece, 1, static_cast<off_t>(offset), RWF_NOWAIT);
}

}  // namespace

ssize_t read_cached(const FileRegion& region, char* into) noexcept {
  auto length = static_cast<size_t>(region.length);
  ssize_t count = read_unless_waiting(region.fd, region.offset, into, length);
  if (count >= 0 || errno != EOPNOTSUPP) return count;
  if (lies_in_memory(region.fd)) return ::pread(region.fd, into, length, static_cast<off_t>(region.offset));
  errno = EOPNOTSUPP;
  return -1;
}

std::optional<uint64_t> cached_bytes(const FileRegion& region) noexcept {
  uint64_t most = std::min(region.length, kBlock - region.offset % kBlock);
  for (uint64_t offset : {region.offset, region.offset + most - 1}) {
    char byte = 0;
    if (read_unless_waiting(region.fd, offset, &byte, 1) >= 0) continue;
    if (errno == EOPNOTSUPP) {
      if (lies_in_memory(region.fd)) return region.length;
      return std::nullopt;
    }
    // Whoever reads the file meets any other error again.
    if (errno != EAGAIN) return most;
    // The kernel has begun to read the one page. Were it left at that, the next one to look would take the block to be
    // there because of it.
    read_ahead({region.fd, region.offset - region.offset % kBlock, kBlock});
    return 0;
  }
  return most;
}

void read_ahead(const FileRegion& region) noexcept {
  ::posix_fadvise(region.fd, static_cast<off_t>(region.offset), static_cast<off_t>(region.length), POSIX_FADV_WILLNEED);
}

#else

ssize_t read_cached(const FileRegion&, char*) noexcept {
  errno = EOPNOTSUPP;
  return -1;
}

std::optional<uint64_t> cached_bytes(const FileRegion&) noexcept { return std::nullopt; }

void read_ahead(const FileRegion& region) noexcept {
  radvisory advice{static_cast<off_t>(region.offset), static_cast<int>(region.length)};
  ::fcntl(region.fd, F_RDADVISE, &advice);
}

#endif

}  // namespace uwsgiref::net
