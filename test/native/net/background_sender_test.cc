#include "net/background_sender.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>

#include "net/file_descriptor.h"

namespace uwsgiref::test {
namespace {

using http::ByteBuffer;
using net::BackgroundSender;
using net::Connection;
using net::FileDescriptor;

/// Who has output, and the client that it is for.
struct Holder {
  Holder() {
    std::array<int, 2> pair;
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()) == 0);
    own = FileDescriptor(pair[0]);
    client = FileDescriptor(pair[1]);
  }

  // Only its address counts.
  Connection& owner() { return *reinterpret_cast<Connection*>(this); }

  bool hold(BackgroundSender& sender, std::string_view bytes) {
    output = std::make_unique<ByteBuffer>();
    output->append(bytes);
    return sender.hold(owner(), own.get(), output, place);
  }

  /// What has not been sent.
  std::string take_back(BackgroundSender& sender) {
    std::unique_ptr<ByteBuffer> left = sender.take_back(place, sent);
    CHECK(place == BackgroundSender::kNoPlace);
    return std::string(left->view());
  }

  std::string receive(size_t count) {
    std::string received(count, '\0');
    if (count == 0) return received;
    CHECK(recv(client.get(), received.data(), count, MSG_WAITALL) == static_cast<ssize_t>(count));
    return received;
  }

  bool received_nothing() {
    pollfd state{.fd = client.get(), .events = POLLIN, .revents = 0};
    return poll(&state, 1, 0) == 0;
  }

  FileDescriptor own;
  FileDescriptor client;
  std::unique_ptr<ByteBuffer> output;
  uint32_t place = BackgroundSender::kNoPlace;
  uint64_t sent = 0;
};

TEST_CASE("what is held leaves though nobody takes it back, time and again") {
  BackgroundSender sender;
  Holder holder;
  for (int round = 0; round < 20; round++) {
    const std::string text = "round " + std::to_string(100 + round);
    REQUIRE(holder.hold(sender, text));
    CHECK(sender.last() == &holder.owner());
    CHECK(holder.receive(text.size()) == text);
    CHECK(holder.take_back(sender).empty());
    CHECK(holder.sent == text.size());
    CHECK(sender.last() == nullptr);
    // Every other time the thread has gone to sleep.
    if (round % 2 == 0) usleep(20'000);
  }
  CHECK(holder.received_nothing());
}

TEST_CASE("every byte is either sent or given back") {
  BackgroundSender sender;
  Holder holder;
  std::string whole;
  uint64_t sent = 0;
  std::string left;
  for (int round = 0; round < 2000; round++) {
    const std::string block = std::to_string(round) + ' ';
    whole += block;
    REQUIRE(holder.hold(sender, left + block));
    left = holder.take_back(sender);
    sent += holder.sent;
    if (round % 500 == 0) usleep(10'000);
  }
  CHECK(sent + left.size() == whole.size());
  CHECK(holder.receive(static_cast<size_t>(sent)) + left == whole);
  CHECK(holder.received_nothing());
}

TEST_CASE("a full socket is tried again") {
  BackgroundSender sender;
  Holder holder;
  const std::string whole(4'000'000, 'x');
  REQUIRE(holder.hold(sender, whole));
  CHECK(holder.receive(whole.size()) == whole);
  CHECK(holder.take_back(sender).empty());
  CHECK(holder.sent == whole.size());
}

TEST_CASE("places follow when one in the midst is taken back") {
  BackgroundSender sender;
  std::array<Holder, BackgroundSender::kMost> holders;
  for (size_t i = 0; i < holders.size(); i++) REQUIRE(holders[i].hold(sender, std::to_string(i)));
  Holder surplus;
  CHECK(!surplus.hold(sender, "surplus"));
  CHECK(surplus.output->view() == "surplus");
  CHECK(surplus.place == BackgroundSender::kNoPlace);
  for (size_t i = 0; i < holders.size(); i++) {
    Holder& holder = holders[i * 37 % holders.size()];
    const std::string due = std::to_string(&holder - holders.data());
    const std::string left = holder.take_back(sender);
    CHECK(holder.receive(static_cast<size_t>(holder.sent)) + left == due);
  }
  CHECK(sender.last() == nullptr);
}

TEST_CASE("a client that is gone is no failure of the thread's") {
  BackgroundSender sender;
  Holder holder;
  holder.client = FileDescriptor();
  REQUIRE(holder.hold(sender, "bytes"));
  usleep(20'000);
  CHECK(holder.take_back(sender) == "bytes");
  CHECK(holder.sent == 0);
}

}  // namespace
}  // namespace uwsgiref::test
