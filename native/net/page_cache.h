#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "net/file_region.h"

namespace uwsgiref::net {

/// What is looked for in the page cache, and brought there, at a time: the part of a file between two multiples of
/// this. Bytes.
inline constexpr uint64_t kBlock = 256 * 1024;

/// Reads the region as pread(2) does, unless a disk would be waited for: errno is EAGAIN where its beginning is not in
/// the page cache, and EOPNOTSUPP where the file system does not say. A short count may mean either, or the file's end.
ssize_t read_cached(const FileRegion& region, char* into) noexcept;

/// How much of the region, from its beginning and at most up to the end of the block that this lies in, is in the page
/// cache, as far as its first byte and its last one tell. nullopt: the file system does not say.
std::optional<uint64_t> cached_bytes(const FileRegion& region) noexcept;

/// Has the system begin to read the region into the page cache.
void read_ahead(const FileRegion& region) noexcept;

}  // namespace uwsgiref::net
