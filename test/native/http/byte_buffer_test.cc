#include "http/byte_buffer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <utility>

namespace uwsgiref::test {
namespace {

using http::ByteBuffer;

TEST_CASE("a new buffer is empty and owns nothing") {
  ByteBuffer buffer;
  CHECK(buffer.empty());
  CHECK(buffer.size() == 0);
  CHECK(buffer.capacity() == 0);
  CHECK(buffer.view() == "");
  buffer.append("");
  CHECK(buffer.capacity() == 0);
  buffer.clear();
  buffer.consume(0);
  buffer.truncate(0);
  buffer.release();
  CHECK(buffer.empty());
}

TEST_CASE("filled at the end, consumed at the front") {
  ByteBuffer buffer;
  buffer.append("hello ");
  buffer.append("world");
  CHECK(buffer.view() == "hello world");
  buffer.consume(6);
  CHECK(buffer.view() == "world");
  buffer.truncate(4);
  CHECK(buffer.view() == "worl");
  char* const room = buffer.reserve(3);
  room[0] = 'd';
  room[1] = '!';
  buffer.grow_by(2);
  CHECK(buffer.view() == "world!");
  buffer.consume(6);
  CHECK(buffer.empty());
}

TEST_CASE("clear keeps the memory, release does not") {
  ByteBuffer buffer;
  buffer.append(std::string(1000, 'x'));
  const size_t capacity = buffer.capacity();
  CHECK(capacity >= 1000);
  buffer.clear();
  CHECK(buffer.empty());
  CHECK(buffer.capacity() == capacity);
  buffer.release();
  CHECK(buffer.capacity() == 0);
  buffer.append("again");
  CHECK(buffer.view() == "again");
}

TEST_CASE("moves") {
  ByteBuffer from;
  from.append("text");
  ByteBuffer to(std::move(from));
  CHECK(to.view() == "text");
  ByteBuffer third;
  third.append("other");
  third = std::move(to);
  CHECK(third.view() == "text");
}

TEST_CASE("room that was consumed is used again") {
  ByteBuffer buffer;
  buffer.append(std::string(400, 'a'));
  const size_t capacity = buffer.capacity();
  for (int round = 0; round < 1000; ++round) {
    buffer.append(std::string(100, 'b'));
    buffer.consume(100);
  }
  CHECK(buffer.size() == 400);
  CHECK(buffer.capacity() <= 4 * capacity);
}

TEST_CASE("reserve gives all of the room that is asked for") {
  ByteBuffer full;
  full.append(std::string(5000, 'a'));
  const size_t capacity = full.capacity();
  for (size_t held : {size_t{0}, size_t{1}, size_t{100}, capacity / 2 - 1, capacity / 2, capacity - 1, capacity}) {
    for (size_t more = capacity - held; more <= capacity - held + 2; ++more) {
      ByteBuffer buffer;
      buffer.append(std::string(5000, 'a'));
      REQUIRE(buffer.capacity() == capacity);
      buffer.grow_by(capacity - 5000);
      buffer.consume(capacity - held);
      char* const room = buffer.reserve(more);
      std::fill_n(room, more, 'b');
      CHECK(room == buffer.view().data() + held);
      CHECK(buffer.size() == held);
      CHECK(buffer.capacity() - buffer.size() >= more);
    }
  }
}

TEST_CASE("behaves as a string does") {
  std::mt19937 random(7);
  ByteBuffer buffer;
  std::string model;
  for (int step = 0; step < 20000; ++step) {
    const size_t count = random() % 300;
    switch (random() % 8) {
      case 0:
      case 1:
      case 2: {
        const std::string more(count, static_cast<char>('a' + step % 26));
        buffer.append(more);
        model += more;
        break;
      }
      case 3: {
        char* const room = buffer.reserve(count + 50);
        std::fill_n(room, count, '#');
        buffer.grow_by(count);
        model.append(count, '#');
        break;
      }
      case 4:
      case 5: {
        const size_t consumed = std::min(2 * count, model.size());
        buffer.consume(consumed);
        model.erase(0, consumed);
        break;
      }
      case 6:
        if (count > model.size()) break;
        buffer.truncate(count);
        model.resize(count);
        break;
      default:
        if (count > 10) break;
        count % 2 ? buffer.release() : buffer.clear();
        model.clear();
    }
    REQUIRE(buffer.view() == model);
  }
}

TEST_CASE("a widened buffer has just the capacity it was told, and what it held") {
  ByteBuffer buffer;
  buffer.widen(1000);
  CHECK(buffer.capacity() == 1000);
  buffer.append(std::string(600, 'a') + std::string(400, 'b'));
  CHECK(buffer.capacity() == 1000);
  buffer.widen(500);
  CHECK(buffer.capacity() == 1000);
  buffer.consume(600);
  buffer.widen(300'000);
  CHECK(buffer.capacity() == 300'000);
  CHECK(buffer.view() == std::string(400, 'b'));
  buffer.append("c");
  CHECK(buffer.view() == std::string(400, 'b') + 'c');
}

TEST_CASE("taken bytes are the caller's, and the buffer begins anew") {
  ByteBuffer buffer;
  buffer.append("bytes");
  char* const bytes = buffer.take();
  CHECK(std::string(bytes, 5) == "bytes");
  CHECK(buffer.empty());
  CHECK(buffer.capacity() == 0);
  buffer.append("more");
  CHECK(buffer.view() == "more");
  CHECK(std::string(bytes, 5) == "bytes");
  std::free(bytes);
}

TEST_CASE("large memory comes from where it was told to, and goes back there, whoever has it") {
  ByteBuffer mapped(ByteBuffer::Large::kMapping);
  ByteBuffer heap;
  const std::string bytes = std::string(100'000, 'a') + std::string(200'000, 'b');
  for (size_t at = 0; at < bytes.size(); at += 10'000) {
    mapped.append(std::string_view(bytes).substr(at, 10'000));
    heap.append(std::string_view(bytes).substr(at, 10'000));
  }
  mapped.consume(100'000);
  mapped.append(std::string(500'000, 'c'));
  CHECK(mapped.view() == bytes.substr(100'000) + std::string(500'000, 'c'));
  mapped.swap(heap);
  CHECK(mapped.view() == bytes);
  std::free(mapped.take());
  heap.release();
  heap.append("small");
  ByteBuffer moved(std::move(heap));
  moved.append(bytes);
  CHECK(moved.view() == "small" + bytes);
}

}  // namespace
}  // namespace uwsgiref::test
