#include "net/deadlines.h"

#include <doctest/doctest.h>

#include <vector>

using uwsgiref::net::Connection;
using uwsgiref::net::Deadlines;

namespace {

// The table never looks into a connection.
Connection* connection(uintptr_t number) { return reinterpret_cast<Connection*>(number * 64); }

constexpr size_t kAll = 1000;

std::vector<Connection*> expired(Deadlines& deadlines, int64_t now) {
  std::vector<Connection*> found;
  deadlines.sweep(now, kAll, [&](Connection& each) { found.push_back(&each); });
  return found;
}

}  // namespace

TEST_CASE("a deadline expires when it is due, and once") {
  Deadlines deadlines;
  uint32_t first = deadlines.add(connection(1));
  uint32_t second = deadlines.add(connection(2));
  deadlines.set(first, 100);
  deadlines.set(second, 200);
  CHECK(expired(deadlines, 99).empty());
  CHECK(expired(deadlines, 100) == std::vector{connection(1)});
  CHECK(expired(deadlines, 100).empty());
  CHECK(expired(deadlines, 1000) == std::vector{connection(2)});
}

TEST_CASE("a deadline that is moved or never set does not expire") {
  Deadlines deadlines;
  uint32_t slot = deadlines.add(connection(1));
  CHECK(expired(deadlines, 1'000'000).empty());
  deadlines.set(slot, 100);
  deadlines.set(slot, 300);
  CHECK(expired(deadlines, 200).empty());
  deadlines.set(slot, Deadlines::kNever);
  CHECK(expired(deadlines, 1'000'000).empty());
}

TEST_CASE("a slot is used again without its old deadline") {
  Deadlines deadlines;
  uint32_t slot = deadlines.add(connection(1));
  deadlines.set(slot, 100);
  deadlines.remove(slot);
  CHECK(deadlines.count() == 0);
  CHECK(deadlines.add(connection(2)) == slot);
  CHECK(deadlines.count() == 1);
  CHECK(expired(deadlines, 1000).empty());
}

TEST_CASE("many that are due at a time are taken in portions, each once") {
  Deadlines deadlines;
  for (uintptr_t number = 1; number <= 10; number++) deadlines.set(deadlines.add(connection(number)), 100);
  std::vector<Connection*> found;
  auto take = [&](Connection& each) { found.push_back(&each); };
  CHECK(deadlines.sweep(100, 4, take));
  CHECK(found.size() == 4);
  CHECK(deadlines.sweep(100, 4, take));
  CHECK(!deadlines.sweep(100, 4, take));
  REQUIRE(found.size() == 10);
  for (uintptr_t number = 1; number <= 10; number++) CHECK(found[number - 1] == connection(number));
}

TEST_CASE("what expires may remove itself and others, and add") {
  Deadlines deadlines;
  std::vector<uint32_t> slots;
  for (uintptr_t number = 1; number <= 3; number++) slots.push_back(deadlines.add(connection(number)));
  for (uint32_t slot : slots) deadlines.set(slot, 10);
  int calls = 0;
  deadlines.sweep(10, kAll, [&](Connection&) {
    if (calls++ > 0) return;
    deadlines.remove(slots[0]);
    deadlines.remove(slots[1]);
    for (uintptr_t number = 4; number <= 100; number++) deadlines.add(connection(number));
  });
  CHECK(calls == 2);
  CHECK(deadlines.count() == 98);
  size_t visited = 0;
  deadlines.for_each([&](Connection&) { visited++; });
  CHECK(visited == 98);
}
