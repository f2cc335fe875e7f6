#include "net/waiting.h"

#include <doctest/doctest.h>

using uwsgiref::net::Deadlines;
using uwsgiref::net::Settings;
using uwsgiref::net::Wait;
using uwsgiref::net::Waiting;

namespace {

Settings limits(uint32_t send_timeout, uint32_t min_download_rate) {
  Settings settings;
  settings.send_timeout = send_timeout;
  settings.min_download_rate = min_download_rate;
  return settings;
}

/// A client that something waits for since 1000, of which 500 bytes had reached it before.
Waiting sending() { return {.kind = Wait::kSend, .since = 1000, .delivered = 500, .delivered_at = 1000}; }

}  // namespace

TEST_CASE("an answer is waited with for as long as some of it reaches the client") {
  const Settings settings = limits(1000, 0);
  Waiting waiting = sending();
  uint64_t delivered = 500;
  for (int64_t now = 1900; now < 100'000; now += 900) CHECK(waiting.look_at_delivery(settings, 0, ++delivered, now));
}

TEST_CASE("an answer of which nothing reaches the client is given up when its time is over") {
  const Settings settings = limits(1000, 0);
  Waiting waiting = sending();
  CHECK(waiting.look_at_delivery(settings, 0, 500, 1250));
  CHECK(waiting.look_at_delivery(settings, 0, 501, 1500));
  CHECK(waiting.look_at_delivery(settings, 0, 501, 2499));
  CHECK_FALSE(waiting.look_at_delivery(settings, 0, 501, 2500));
}

TEST_CASE("an answer is given up that falls behind the least rate, whatever was fast before") {
  const Settings settings = limits(1000, 100);
  Waiting waiting = sending();
  CHECK(waiting.look_at_delivery(settings, 0, 1'000'500, 2000));
  CHECK(waiting.look_at_delivery(settings, 0, 1'000'550, 2999));
  CHECK(waiting.look_at_delivery(settings, 0, 1'000'600, 3000));
  CHECK(waiting.look_at_delivery(settings, 0, 1'000'650, 3900));
  CHECK_FALSE(waiting.look_at_delivery(settings, 0, 1'000'699, 4000));
}

TEST_CASE("an answer that has a pace is given up only where the client falls far behind that, or the least rate") {
  const Settings settings = limits(1000, 100);
  Waiting paced = sending();
  CHECK(paced.look_at_delivery(settings, 40, 500 + 40, 2000));
  CHECK(paced.look_at_delivery(settings, 40, 540 + 20, 3000));
  CHECK_FALSE(paced.look_at_delivery(settings, 40, 560 + 19, 4000));
  Waiting fast = sending();
  CHECK(fast.look_at_delivery(settings, 1000, 500 + 100, 2000));
  CHECK_FALSE(fast.look_at_delivery(settings, 1000, 600 + 99, 3000));
}

TEST_CASE("the least rate counts without another limit") {
  const Settings settings = limits(0, 100);
  Waiting waiting = sending();
  CHECK(waiting.look_at_delivery(settings, 0, 500, 5999));
  CHECK_FALSE(waiting.look_at_delivery(settings, 0, 999, 6000));
}

TEST_CASE("an answer is looked at several times until its time is over, and never where it has no limit") {
  const Waiting waiting = sending();
  CHECK(waiting.deadline(limits(1000, 100), {}, 5000) == 5250);
  CHECK(waiting.deadline(limits(0, 100), {}, 5000) == 6250);
  CHECK(waiting.deadline(limits(0, 0), {}, 5000) == Deadlines::kNever);
}

TEST_CASE("a client that goes on sending behind its last answer is read from for a while") {
  const Settings settings;
  const Waiting lingering{.kind = Wait::kLinger, .since = 1000};
  CHECK(lingering.deadline(settings, {}, 1000) == 3000);
  CHECK(lingering.deadline(settings, {}, 20'000) == 22'000);
  CHECK(lingering.deadline(settings, {}, 30'500) == 31'000);
  CHECK(lingering.deadline(settings, 250, 2500) == 3000);
}
