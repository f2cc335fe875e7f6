#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstddef>
#include <string>

namespace uwsgiref::test {

/// An open file of so many bytes, each of which tells its offset, that has no name any more.
class TemporaryFile {
 public:
  explicit TemporaryFile(size_t size) {
    char path[] = "/tmp/uwsgiref-native-XXXXXX";
    fd_ = ::mkstemp(path);
    REQUIRE(fd_ >= 0);
    ::unlink(path);
    std::string bytes(size, '\0');
    for (size_t at = 0; at < size; at++) bytes[at] = byte_at(at);
    REQUIRE(::write(fd_, bytes.data(), size) == static_cast<ssize_t>(size));
  }
  ~TemporaryFile() { ::close(fd_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  static char byte_at(size_t offset) { return static_cast<char>(offset * 2'654'435'761U >> 16); }

  int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace uwsgiref::test
