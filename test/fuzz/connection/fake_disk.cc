// What native/net knows of the page cache, as the script has it: net/page_cache.h of the fuzzer leads here.

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "fuzz/connection/fake_sockets.h"
#include "fuzz/oracle.h"
#include "net/page_cache.h"

namespace uwsgiref::test {

bool FakeNetwork::file_fails(int file) {
  // It is closed, and the number may be another file's by now.
  EXPECT(std::find(files.begin(), files.end(), file) != files.end());
  if (file_error == 0) return false;
  errno = std::exchange(file_error, 0);
  file_error_given = true;
  return true;
}

namespace {

bool is_cold() {
  size_t& cold = FakeNetwork::active()->cold;
  if (cold == 0) return false;
  cold--;
  return true;
}

}  // namespace

}  // namespace uwsgiref::test

namespace uwsgiref::net {

ssize_t read_cached(const FileRegion& region, char* into) noexcept {
  if (test::FakeNetwork::active()->file_fails(region.fd)) return -1;
  if (test::is_cold()) {
    errno = EAGAIN;
    return -1;
  }
  return ::pread(region.fd, into, region.length, static_cast<off_t>(region.offset));
}

}  // namespace uwsgiref::net
