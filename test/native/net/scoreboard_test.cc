#include "net/scoreboard.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

using uwsgiref::net::Scoreboard;

#ifdef __linux__

TEST_CASE("who has clearly more connections than another has more than others") {
  Scoreboard owner;
  int fd = -1;
  REQUIRE(owner.create(fd) == 0);
  Scoreboard one;
  Scoreboard other;
  REQUIRE(one.join(::dup(fd), 0) == 0);
  REQUIRE(other.join(::dup(fd), 7) == 0);
  ::close(fd);

  one.note(1000);
  CHECK_FALSE(one.has_more_than_others());  // the other one does not accept yet
  other.note(0);
  CHECK(one.has_more_than_others());
  CHECK_FALSE(other.has_more_than_others());

  for (uint32_t few : {0, 1, 8, 100, 1000}) {
    other.note(few);
    one.note(few);
    CHECK_FALSE(one.has_more_than_others());
    one.note(few + few / 8 + 4);
    CHECK(one.has_more_than_others());
    CHECK_FALSE(other.has_more_than_others());
  }
}

TEST_CASE("who has left, or is gone, is not waited for") {
  Scoreboard owner;
  int fd = -1;
  REQUIRE(owner.create(fd) == 0);
  Scoreboard one;
  REQUIRE(one.join(::dup(fd), 0) == 0);
  one.note(50);
  {
    Scoreboard other;
    REQUIRE(other.join(::dup(fd), 1) == 0);
    other.note(0);
    CHECK(one.has_more_than_others());
    other.leave();
    CHECK_FALSE(one.has_more_than_others());
    other.note(0);  // says nothing any more
    CHECK_FALSE(one.has_more_than_others());
  }
  Scoreboard killed;
  REQUIRE(killed.join(fd, 2) == 0);
  killed.note(0);
  CHECK(one.has_more_than_others());
  owner.clear(2);
  owner.clear(Scoreboard::kPlaces);
  CHECK_FALSE(one.has_more_than_others());
}

TEST_CASE("a scoreboard is joined once, at a place that there is, in memory that is large enough") {
  Scoreboard owner;
  int fd = -1;
  REQUIRE(owner.create(fd) == 0);
  Scoreboard alone;
  alone.note(3);
  alone.leave();
  CHECK_FALSE(alone.has_more_than_others());
  CHECK(alone.join(-1, 0) == EBADF);
  CHECK(alone.join(::open("/dev/null", O_RDWR), 0) == EINVAL);
  CHECK(alone.join(fd, Scoreboard::kPlaces) == EINVAL);
  REQUIRE(alone.join(fd, 0) == 0);
  CHECK(alone.join(fd, 1) == EINVAL);
}

#endif
