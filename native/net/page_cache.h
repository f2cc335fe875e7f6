#pragma once

#include <sys/types.h>

#include "net/file_region.h"

namespace uwsgiref::net {

/// Reads the region as pread(2) does, unless a disk would be waited for: errno is EAGAIN where its beginning is not in
/// the page cache, and EOPNOTSUPP where the file system does not say. A short count may mean either, or the file's end.
ssize_t read_cached(const FileRegion& region, char* into) noexcept;

}  // namespace uwsgiref::net
