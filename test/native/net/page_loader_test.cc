#include "net/page_loader.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "native/net/temporary_file.h"
#include "net/connection.h"
#include "net/event_loop.h"

using namespace uwsgiref;
using net::Connection;
using net::PageLoader;
using test::TemporaryFile;

namespace {

/// Those that were told, in that order, and by what number.
std::vector<std::pair<const Connection*, int>> told;

/// The loader knows connections by their addresses alone.
class Connections {
 public:
  Connection& operator[](size_t which) { return reinterpret_cast<Connection&>(places_[which]); }

 private:
  struct alignas(Connection) Place {
    std::byte bytes[sizeof(Connection)];
  };
  std::array<Place, 64> places_{};
};

/// While there is one, no descriptor can be had.
class NoDescriptors {
 public:
  NoDescriptors() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    rlimit none{0, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

void await_told(PageLoader& loader, size_t count) {
  while (told.size() < count) {
    ::usleep(100);
    loader.deliver();
  }
}

}  // namespace

namespace uwsgiref::net {

/// All that the loader needs of them.
void Connection::on_loaded(int error_number) noexcept { told.emplace_back(this, error_number); }
int64_t EventLoop::now() noexcept { return 1; }

}  // namespace uwsgiref::net

TEST_CASE("every connection that waits for a read is told, but those that are gone") {
  TemporaryFile file(100'000);
  Connections connections;
  PageLoader loader(nullptr);
  told.clear();
  std::vector<uint64_t> tickets;
  // Many more than the threads take at a time.
  for (size_t which = 0; which < 60; which++) {
    tickets.push_back(loader.load(connections[which], {file.fd(), which * 1000, 1000}));
  }
  CHECK(loader.waiting() > 0);
  for (size_t which = 0; which < 60; which += 2) loader.forget(tickets[which]);
  await_told(loader, 30);
  CHECK(loader.waiting() == 0);
  for (int look = 0; look < 20; look++) {
    ::usleep(1000);
    loader.deliver();
  }
  CHECK(told.size() == 30);
  std::array<int, 60> times{};
  for (const auto& [connection, error_number] : told) {
    CHECK(error_number == 0);
    for (size_t which = 0; which < 60; which++) times[which] += connection == &connections[which];
  }
  for (size_t which = 0; which < 60; which++) CHECK(times[which] == static_cast<int>(which % 2));
}

TEST_CASE("of reads that wait behind others nothing is left when their connections are gone") {
  TemporaryFile file(100);
  Connections connections;
  PageLoader loader(nullptr);
  told.clear();
  // Nothing is told before deliver(), so that these have all the places, as those of a disk that hangs.
  std::vector<uint64_t> first;
  while (loader.waiting() == 0) first.push_back(loader.load(connections[0], {file.fd(), 0, 100}));
  loader.forget(first.back());
  CHECK(loader.waiting() == 0);
  for (int round = 0; round < 1000; round++) {
    uint64_t one = loader.load(connections[1], {file.fd(), 0, 100});
    uint64_t other = loader.load(connections[2], {file.fd(), 0, 100});
    loader.forget(round % 2 == 0 ? one : other);
    CHECK(loader.waiting() == 1);
    loader.forget(round % 2 == 0 ? other : one);
  }
  CHECK(loader.waiting() == 0);
  await_told(loader, first.size() - 1);
}

TEST_CASE("where there are no descriptors for threads, connections are told to read for themselves, in their order") {
  TemporaryFile file(100);
  Connections connections;
  PageLoader loader(nullptr);
  told.clear();
  NoDescriptors none;
  loader.load(connections[0], {file.fd(), 0, 100});
  uint64_t gone = loader.load(connections[1], {file.fd(), 0, 100});
  loader.load(connections[2], {file.fd(), 0, 100});
  loader.forget(gone);
  loader.deliver();
  const std::vector<std::pair<const Connection*, int>> expected = {{&connections[0], 0}, {&connections[2], 0}};
  CHECK(told == expected);
}
