#include "net/reader_threads.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <set>
#include <utility>
#include <vector>

#include "native/net/temporary_file.h"
#include "net/page_cache.h"
#include "net/usockets.h"

using namespace uwsgiref;
using net::FileDescriptor;
using net::PageRead;
using net::ReaderThreads;
using test::TemporaryFile;

namespace {

std::atomic<int> wakeups = 0;

PageRead read_of(int fd, uint64_t offset, uint64_t length, uint64_t ticket) {
  PageRead read;
  read.file = FileDescriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  read.offset = offset;
  read.length = length;
  read.ahead = length;
  read.ticket = ticket;
  return read;
}

PageRead await_finished(ReaderThreads& threads) {
  for (;;) {
    if (auto read = threads.take_finished()) return std::move(*read);
    ::usleep(100);
  }
}

}  // namespace

namespace uwsgiref::net {

/// All that the threads need of it.
const USockets& usockets() noexcept {
  static const USockets table = [] {
    USockets made{};
    made.wakeup_loop = [](us_loop_t*) { wakeups++; };
    return made;
  }();
  return table;
}

}  // namespace uwsgiref::net

TEST_CASE("threads make all reads that they are given, close their files and wake the loop up") {
  TemporaryFile file(3 * net::kBlock);
  ReaderThreads threads(nullptr);
  wakeups = 0;
  std::vector<int> descriptors;
  for (uint64_t ticket = 1; ticket <= 50; ticket++) {
    PageRead read = read_of(file.fd(), ticket * 1000, 300'000, ticket);
    descriptors.push_back(read.file.get());
    CHECK(threads.start(std::move(read)));
  }
  std::set<uint64_t> tickets;
  while (tickets.size() < 50) {
    PageRead read = await_finished(threads);
    CHECK(read.error_number == 0);
    CHECK(!read.file);
    CHECK(tickets.insert(read.ticket).second);
  }
  CHECK(wakeups > 0);
  for (int fd : descriptors) CHECK(::fcntl(fd, F_GETFD) == -1);
  CHECK(!threads.take_finished());
}

TEST_CASE("what cannot be read says why, and the end of a file is no error") {
  ReaderThreads threads(nullptr);
  FileDescriptor directory(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK(threads.start(read_of(directory.get(), 0, 100, 1)));
  CHECK(await_finished(threads).error_number == EISDIR);
  TemporaryFile file(10);
  CHECK(threads.start(read_of(file.fd(), 5, 1000, 2)));
  CHECK(await_finished(threads).error_number == 0);
}

TEST_CASE("threads that are ended give up what they have not begun") {
  TemporaryFile file(16 * net::kBlock);
  for (int round = 0; round < 20; round++) {
    ReaderThreads threads(nullptr);
    for (uint64_t ticket = 1; ticket <= 100; ticket++) {
      CHECK(threads.start(read_of(file.fd(), 0, 16 * net::kBlock, ticket)));
    }
  }
  // All of their descriptors are closed.
  FileDescriptor next(::fcntl(file.fd(), F_DUPFD_CLOEXEC, 0));
  CHECK(next.get() < 100);
}
