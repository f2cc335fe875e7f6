#include "fuzz/connection/fake_sockets.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "fuzz/oracle.h"
#include "net/socket_poll.h"

namespace uwsgiref::test {

FakeNetwork* FakeNetwork::active_ = nullptr;

namespace {

FakeNetwork& network() { return *FakeNetwork::active(); }

us_socket_t& socket_of(us_poll_t* poll) { return *static_cast<us_socket_t*>(poll); }

constexpr size_t kTraced = 400;  // bytes, of one piece

// A real descriptor, so that what closes it can be told from what does not.
int new_descriptor() {
  const int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  EXPECT(fd >= 0);
  return fd;
}

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

}  // namespace

FakeNetwork::FakeNetwork() {
  EXPECT(active_ == nullptr);
  active_ = this;
}

FakeNetwork::~FakeNetwork() {
  EXPECT(sockets_.empty() && context == nullptr && timer == nullptr && loop == nullptr && files.empty());
  EXPECT(listening_poll == nullptr);
  active_ = nullptr;
}

// --- The loop --------------------------------------------------------------------------------------------------------

void FakeNetwork::begin_poll() {
  EXPECT(!polling_);
  trace("{");
  polling_ = true;
  const bool was_woken = std::exchange(woken, false);
  loop->pre(loop);
  if (was_woken || woken) loop->wakeup(loop);
}

void FakeNetwork::end_poll() {
  trace("}");
  polling_ = false;
  closed_.clear();
  loop->post(loop);
}

void FakeNetwork::pass(int milliseconds) {
  EXPECT(!polling_);
  now_ += milliseconds;
  trace("time ", now_);
  if (!timer_armed() || timer->due > now_) return;
  timer->due = now_ + timer->repeat;
  sweeping_ = true;
  timer->callback(timer);
  sweeping_ = false;
}

bool FakeNetwork::timer_armed() const { return timer != nullptr && timer->callback != nullptr; }

// --- Events ----------------------------------------------------------------------------------------------------------

Peer* FakeNetwork::connect(uint8_t address) {
  EXPECT(polling_);
  if (!accepting()) return nullptr;
  Peer& peer = peers_.emplace_back();
  peer.number = static_cast<int>(peers_.size());
  peer.address = address;
  waiting_ = &peer;
  accepted_ = -1;
  listening_poll->callback(listening_poll->owner, true);
  waiting_ = nullptr;
  if (peer.socket) {
    admitted++;
    return &peer;
  }
  if (accepted_ >= 0) {
    turned_away++;
    EXPECT(!is_open(accepted_));
  }
  return nullptr;
}

int FakeNetwork::accept(Peer*& peer) {
  if (accept_error != 0) {
    errno = std::exchange(accept_error, 0);
    return -1;
  }
  if (!waiting_) {
    errno = EAGAIN;
    return -1;
  }
  const int fd = new_descriptor();
  if (fd >= descriptors) {
    ::close(fd);
    errno = EMFILE;
    return -1;
  }
  accepted_ = fd;
  peer = std::exchange(waiting_, nullptr);
  return fd;
}

us_socket_t* FakeNetwork::adopt(int fd, size_t ext_size, char* address, int address_size) {
  EXPECT(is_open(fd) && fd == accepted_);
  auto owned = std::make_unique<us_socket_t>();
  us_socket_t* socket = owned.get();
  socket->fd = fd;
  socket->context = context;
  socket->peer = &peers_.back();
  socket->events = net::kReadable;
  socket->ext = std::make_unique<char[]>(ext_size);
  sockets_.push_back(std::move(owned));
  socket->peer->socket = socket;
  trace(socket->peer->number, " connects");
  return context->on_open(socket, 0, address, address_size);
}

bool FakeNetwork::readable(Peer& peer, size_t most) {
  EXPECT(polling_);
  us_socket_t* socket = peer.socket;
  if (socket == nullptr || socket->events == 0) return false;
  if (peer.broken) {
    close(socket);
    return true;
  }
  if ((socket->events & net::kReadable) == 0) return false;
  if (const std::string_view unread = peer.unread(); !unread.empty()) {
    // Memory of just this size: a byte read behind it is an error.
    const size_t length = std::min(unread.size(), std::max<size_t>(most, 1));
    const auto bytes = std::make_unique<char[]>(length);
    std::memcpy(bytes.get(), unread.data(), length);
    peer.read += length;
    trace(peer.number, " is read ", length, " bytes: ", unread.substr(0, std::min(length, kTraced)));
    context->on_data(socket, bytes.get(), static_cast<int>(length));
    return true;
  }
  if (!peer.said_all) return false;
  EXPECT(!peer.end_read);  // it would be reported for ever
  peer.end_read = true;
  trace(peer.number, " has said all");
  if (peer.shut_down) {
    close(socket);
    return true;
  }
  socket->events &= net::kWritable;
  context->on_end(socket);
  return true;
}

bool FakeNetwork::writable(Peer& peer) {
  EXPECT(polling_);
  us_socket_t* socket = peer.socket;
  if (socket == nullptr || (socket->events & net::kWritable) == 0 || peer.room == 0 || peer.broken) return false;
  loop->last_write_failed = false;
  trace(peer.number, " is writable");
  context->on_writable(socket);
  if (socket->closed) return true;
  if (!loop->last_write_failed || peer.shut_down) socket->events &= net::kReadable;
  return true;
}

us_socket_t* FakeNetwork::close(us_socket_t* socket) {
  EXPECT(!socket->closed);
  socket->closed = true;
  trace(socket->peer->number, " is closed");
  ::close(socket->fd);
  socket->peer->socket = nullptr;
  socket->peer->ended_in_sweep = sweeping_;
  const auto owned =
      std::find_if(sockets_.begin(), sockets_.end(), [&](const auto& each) { return each.get() == socket; });
  // Its memory stays until the end of the poll phase.
  closed_.push_back(std::move(*owned));
  sockets_.erase(owned);
  return context->on_close(socket, 0, nullptr);
}

Peer* FakeNetwork::peer_of(int fd) {
  for (const auto& socket : sockets_) {
    if (socket->fd == fd) return socket->peer;
  }
  return nullptr;
}

}  // namespace uwsgiref::test

namespace uwsgiref::net {

using test::FakeNetwork;
using test::network;
using test::socket_of;

namespace {

/// What the kernel takes of these bytes.
int take(us_socket_t& socket, const char* data, int length) {
  test::Peer& peer = *socket.peer;
  EXPECT(!socket.closed && !peer.shut_down && length > 0);
  const size_t taken = peer.broken ? 0 : static_cast<size_t>(std::min<uint64_t>(peer.room, length));
  test::trace(peer.number, " gets ", taken, " of ", length,
              " bytes: ", std::string_view(data, std::min(taken, test::kTraced)));
  peer.received.append(data, taken);
  peer.room -= taken;
  peer.blocked = taken < static_cast<size_t>(length);
  if (peer.blocked) socket.events = kReadable | kWritable;
  return static_cast<int>(taken);
}

}  // namespace

// NOLINTBEGIN: the functions' signatures are uSockets'.
const USockets& usockets() noexcept {
  static const USockets table{
      .create_loop =
          [](void*, void (*wakeup)(us_loop_t*), void (*pre)(us_loop_t*), void (*post)(us_loop_t*), unsigned ext_size) {
            us_loop_t* loop = new us_loop_t{std::make_unique<char[]>(ext_size), wakeup, pre, post, false};
            network().loop = loop;
            return loop;
          },
      .loop_free =
          [](us_loop_t* loop) {
            network().loop = nullptr;
            delete loop;
          },
      .wakeup_loop = [](us_loop_t*) { network().woken = true; },
      .loop_ext = [](us_loop_t* loop) -> void* { return loop->ext.get(); },

      .create_timer =
          [](us_loop_t*, int, unsigned ext_size) {
            network().timer = new us_timer_t{std::make_unique<char[]>(ext_size)};
            return network().timer;
          },
      .timer_ext = [](us_timer_t* timer) -> void* { return timer->ext.get(); },
      .timer_set =
          [](us_timer_t* timer, void (*callback)(us_timer_t*), int ms, int repeat_ms) {
            timer->callback = callback;
            timer->due = network().now() + ms;
            timer->repeat = repeat_ms;
          },
      .timer_close =
          [](us_timer_t* timer) {
            network().timer = nullptr;
            delete timer;
          },

      .create_socket_context =
          [](int, us_loop_t* loop, int ext_size, us_socket_context_options_t) {
            us_socket_context_t* context = new us_socket_context_t;
            context->loop = loop;
            context->ext = std::make_unique<char[]>(static_cast<size_t>(ext_size));
            network().context = context;
            return context;
          },
      .context_free =
          [](int, us_socket_context_t* context) {
            network().context = nullptr;
            delete context;
          },
      .context_ext = [](int, us_socket_context_t* context) -> void* { return context->ext.get(); },
      .on_open = [](int, us_socket_context_t* context, auto callback) { context->on_open = callback; },
      .on_close = [](int, us_socket_context_t* context, auto callback) { context->on_close = callback; },
      .on_data = [](int, us_socket_context_t* context, auto callback) { context->on_data = callback; },
      .on_writable = [](int, us_socket_context_t* context, auto callback) { context->on_writable = callback; },
      .on_timeout = [](int, us_socket_context_t*, us_socket_t* (*)(us_socket_t*)) {},
      .on_long_timeout = [](int, us_socket_context_t*, us_socket_t* (*)(us_socket_t*)) {},
      .on_end = [](int, us_socket_context_t* context, auto callback) { context->on_end = callback; },

      .adopt_accepted_socket = [](int, us_socket_context_t*, int fd, unsigned ext_size, char* address,
                                  int address_size) { return network().adopt(fd, ext_size, address, address_size); },

      .socket_context = [](int, us_socket_t* socket) { return socket->context; },
      .socket_ext = [](int, us_socket_t* socket) -> void* { return socket->ext.get(); },
      .write =
          [](int, us_socket_t* socket, const char* data, int length, int) {
            const int taken = take(*socket, data, length);
            if (socket->peer->blocked) socket->context->loop->last_write_failed = true;
            return taken;
          },
      .write2 =
          [](int secure, us_socket_t* socket, const char* header, int header_length, const char* payload,
             int payload_length) {
            EXPECT(secure == 0);
            const int taken = take(*socket, header, header_length);
            return taken < header_length ? taken : taken + take(*socket, payload, payload_length);
          },
      .shutdown =
          [](int, us_socket_t* socket) {
            EXPECT(!socket->closed && !socket->peer->shut_down);
            socket->peer->shut_down = true;
            test::trace(socket->peer->number, " is shut down");
            socket->events &= kReadable;
          },
      .close = [](int, us_socket_t* socket, int, void*) { return network().close(socket); },

      .poll_fd = [](us_poll_t* poll) { return poll->fd; },
      .poll_events = [](us_poll_t* poll) { return poll->events; },
      .poll_change =
          [](us_poll_t* poll, us_loop_t*, int events) {
            EXPECT(!socket_of(poll).closed && (events & ~(kReadable | kWritable)) == 0);
            poll->events = events;
          },
  };
  return table;
}
// NOLINTEND

SocketPoll::~SocketPoll() { close(); }

int SocketPoll::open(uv_loop_s*, int, Callback callback, void* owner) noexcept {
  EXPECT(network().listening_poll == nullptr);
  network().listening_poll = poll_ = new uv_poll_s{callback, owner};
  return 0;
}

void SocketPoll::pause() noexcept {
  if (poll_) poll_->readable = false;
}

void SocketPoll::resume() noexcept {
  if (poll_) poll_->readable = true;
}

void SocketPoll::close() noexcept {
  if (!poll_) return;
  network().listening_poll = nullptr;
  delete std::exchange(poll_, nullptr);
}

}  // namespace uwsgiref::net
