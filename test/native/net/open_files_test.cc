#include "net/open_files.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

using namespace uwsgiref;
using net::OpenFiles;

namespace {

/// A file with some bytes in it, removed at the end.
class TemporaryFile {
 public:
  TemporaryFile() : fd_(::mkstemp(path_.data())) {
    REQUIRE(fd_ >= 0);
    write("0123456789");
  }
  ~TemporaryFile() {
    ::close(fd_);
    ::unlink(path_.c_str());
  }

  int open() const { return ::open(path_.c_str(), O_RDONLY); }
  void write(std::string_view bytes) const { REQUIRE(::pwrite(fd_, bytes.data(), bytes.size(), 0) > 0); }
  void cut(off_t size) const { REQUIRE(::ftruncate(fd_, size) == 0); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/uwsgiref-open-files-XXXXXX";
  int fd_;
};

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

}  // namespace

TEST_CASE("a held file is closed with its last reference, and its number is given anew") {
  const TemporaryFile file;
  OpenFiles files;
  const int fd = file.open();
  const auto number = files.hold(fd);
  REQUIRE(number.has_value());
  CHECK(files.state(*number).size == 10);
  files.refer(*number);
  files.release(*number);
  CHECK(is_open(fd));
  {
    OpenFiles::Reference first(files, *number);
    OpenFiles::Reference second(std::move(first));
    first = std::move(second);
    CHECK(is_open(fd));
  }
  CHECK(!is_open(fd));
  CHECK(!files.has(*number));
  CHECK(!files.has(1000));
  CHECK(files.hold(file.open()) == number);
}

TEST_CASE("a file has changed when it is written to, cut or renamed over, and is looked at anew") {
  const TemporaryFile file;
  OpenFiles files;
  const uint32_t number = *files.hold(file.open());
  CHECK(files.unchanged(number));
  const std::string other = file.path() + ".other";
  const auto change = [&](int step) {
    if (step == 0) file.write("abc");
    if (step == 1) file.cut(5);
    if (step == 2) REQUIRE(::link(file.path().c_str(), other.c_str()) == 0);
    if (step == 3) REQUIRE(::unlink(other.c_str()) == 0);
  };
  for (int step = 0; step < 4; step++) {
    CAPTURE(step);
    // The kernel's clock may tick every few milliseconds alone.
    ::usleep(20'000);
    change(step);
    CHECK(!files.unchanged(number));
    files.look(number);
    CHECK(files.unchanged(number));
  }
  CHECK(files.state(number).size == 5);
}

TEST_CASE("what is no regular file is not held, and nothing is where few descriptors are left") {
  const TemporaryFile file;
  OpenFiles files;
  const int directory = ::open("/tmp", O_RDONLY);
  CHECK(!files.hold(directory).has_value());
  CHECK(is_open(directory));
  ::close(directory);
  CHECK(!files.hold(-1).has_value());

  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit few{100, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  std::vector<uint32_t> held;
  for (int fd = file.open();; fd = file.open()) {
    const auto number = files.hold(fd);
    if (!number) {
      CHECK(is_open(fd));
      ::close(fd);
      break;
    }
    held.push_back(*number);
  }
  CHECK(held.size() <= 25);
  const int high = ::fcntl(0, F_DUPFD, 80);
  for (const uint32_t number : held) files.release(number);
  const int reopened = file.open();
  REQUIRE(::dup2(reopened, high) == high);
  CHECK(!files.hold(high).has_value());
  ::close(high);
  ::close(reopened);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}
