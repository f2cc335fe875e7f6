#include "net/page_cache.h"

#include <unistd.h>

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

}  // namespace

ssize_t read_cached(const FileRegion& region, char* into) noexcept {
  auto offset = static_cast<off_t>(region.offset);
  iovec piece{.iov_base = into, .iov_len = static_cast<size_t>(region.length)};
  ssize_t count = ::preadv2(region.fd, &piece, 1, offset, RWF_NOWAIT);
  if (count >= 0 || errno != EOPNOTSUPP) return count;
  if (lies_in_memory(region.fd)) return ::pread(region.fd, into, piece.iov_len, offset);
  errno = EOPNOTSUPP;
  return -1;
}

#else

ssize_t read_cached(const FileRegion&, char*) noexcept {
  errno = EOPNOTSUPP;
  return -1;
}

#endif

}  // namespace uwsgiref::net
