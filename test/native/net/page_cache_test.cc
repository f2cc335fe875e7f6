#include "net/page_cache.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "native/net/temporary_file.h"

using namespace uwsgiref;
using net::cached_bytes;
using net::kBlock;
using test::TemporaryFile;

#if defined(__linux__)

namespace {

/// Whether the page cache can be made to forget the file; not where it lies in memory, and has no other place.
bool drop(int fd) {
  ::fdatasync(fd);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  auto cached = cached_bytes({fd, 0, 1});
  return cached && *cached == 0;
}

}  // namespace

TEST_CASE("a file that was just written is in the page cache, block by block") {
  TemporaryFile file(2 * kBlock + 100);
  auto cached = cached_bytes({file.fd(), 0, 10});
  // A file system that does not say has no more to be asked.
  if (!cached) return;
  CHECK(*cached == 10);
  CHECK(*cached_bytes({file.fd(), kBlock - 5, 5}) == 5);
  CHECK(*cached_bytes({file.fd(), kBlock - 5, 100}) >= 5);
  CHECK(*cached_bytes({file.fd(), 2 * kBlock, 100}) == 100);
  std::string read(1000, '\0');
  CHECK(net::read_cached({file.fd(), kBlock - 500, 1000}, read.data()) == 1000);
  for (size_t at = 0; at < read.size(); at++) REQUIRE(read[at] == TemporaryFile::byte_at(kBlock - 500 + at));
}

TEST_CASE("a part of a file that is not in the page cache is told from one that is") {
  TemporaryFile file(4 * kBlock);
  if (!drop(file.fd())) return;
  char byte = 0;
  REQUIRE(::pread(file.fd(), &byte, 1, kBlock * 2) == 1);
  // Of one page alone a block is not there.
  CHECK(*cached_bytes({file.fd(), 2 * kBlock, kBlock}) == 0);
  // It was asked for, with all of its block.
  std::string read(kBlock, '\0');
  while (net::read_cached({file.fd(), 2 * kBlock, kBlock}, read.data()) < static_cast<ssize_t>(kBlock)) ::usleep(1000);
  CHECK(*cached_bytes({file.fd(), 2 * kBlock, 2 * kBlock}) == kBlock);
}

TEST_CASE("what stands behind the end of a file is not waited for") {
  TemporaryFile file(1000);
  char byte = 0;
  if (!cached_bytes({file.fd(), 0, 1000})) return;
  CHECK(*cached_bytes({file.fd(), 1000, 500}) >= 500);
  CHECK(net::read_cached({file.fd(), 1000, 1}, &byte) == 0);
}

#endif
