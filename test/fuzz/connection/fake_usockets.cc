// uSockets' functions, and libuv's polling, over a FakeNetwork: net::usockets() and net::SocketPoll of the fuzzer lead
// here.

#include <algorithm>
#include <utility>

#include "fuzz/connection/fake_sockets.h"
#include "fuzz/oracle.h"
#include "net/socket_poll.h"

namespace uwsgiref::net {

using test::FakeNetwork;

namespace {

FakeNetwork& network() { return *FakeNetwork::active(); }

us_socket_t& socket_of(us_poll_t* poll) { return *static_cast<us_socket_t*>(poll); }

/// uSockets finds what it knows of a TLS socket elsewhere than of a plain one, and takes the caller's word for which it
/// is.
us_socket_context_t& checked(int ssl, us_socket_context_t* context) {
  EXPECT(context->secure == (ssl == 1));
  return *context;
}

us_socket_t& checked(int ssl, us_socket_t* socket) {
  checked(ssl, socket->context);
  return *socket;
}

std::string_view sent(const us_socket_t& socket, const char* data, int length) {
  EXPECT(!socket.closed && !socket.peer->shut_down && length > 0);
  return {data, static_cast<size_t>(length)};
}

int received(us_socket_t& socket, std::string_view bytes, size_t taken) {
  test::Peer& peer = *socket.peer;
  test::trace(peer.number, " gets ", taken, " of ", bytes.size(),
              " bytes: ", bytes.substr(0, std::min(taken, test::kTraced)));
  peer.received += bytes.substr(0, taken);
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
          [](int ssl, us_loop_t*, int ext_size, us_socket_context_options_t options) {
            return network().create_context(ssl == 1, static_cast<size_t>(ext_size), options);
          },
      .context_free = [](int ssl, us_socket_context_t* context) { network().free_context(&checked(ssl, context)); },
      .context_ext = [](int ssl, us_socket_context_t* context) -> void* { return checked(ssl, context).ext.get(); },
      .on_open = [](int ssl, us_socket_context_t* context, auto callback) { checked(ssl, context).on_open = callback; },
      .on_close = [](int ssl, us_socket_context_t* context,
                     auto callback) { checked(ssl, context).on_close = callback; },
      .on_data = [](int ssl, us_socket_context_t* context, auto callback) { checked(ssl, context).on_data = callback; },
      .on_writable = [](int ssl, us_socket_context_t* context,
                        auto callback) { checked(ssl, context).on_writable = callback; },
      .on_timeout = [](int, us_socket_context_t*, us_socket_t* (*)(us_socket_t*)) {},
      .on_long_timeout = [](int, us_socket_context_t*, us_socket_t* (*)(us_socket_t*)) {},
      .on_end = [](int ssl, us_socket_context_t* context, auto callback) { checked(ssl, context).on_end = callback; },

      .add_server_name = [](int ssl, us_socket_context_t* context, const char*, us_socket_context_options_t,
                            void*) { checked(ssl, context); },

      .adopt_accepted_socket =
          [](int ssl, us_socket_context_t* context, int fd, unsigned ext_size, char* address, int address_size) {
            return network().adopt(&checked(ssl, context), fd, ext_size, address, address_size);
          },

      .socket_context = [](int ssl, us_socket_t* socket) { return checked(ssl, socket).context; },
      .socket_ext = [](int ssl, us_socket_t* socket) -> void* { return checked(ssl, socket).ext.get(); },
      .write =
          [](int ssl, us_socket_t* socket, const char* data, int length, int) {
            const std::string_view bytes = sent(checked(ssl, socket), data, length);
            if (socket->tls) return static_cast<int>(socket->tls->write(bytes));
            return received(*socket, bytes, FakeNetwork::write(*socket, bytes.size()));
          },
      .write2 =
          [](int ssl, us_socket_t* socket, const char* header, int header_length, const char* payload,
             int payload_length) {
            EXPECT(!checked(ssl, socket).tls);
            const std::string_view first = sent(*socket, header, header_length);
            const std::string_view second = sent(*socket, payload, payload_length);
            const int taken = received(*socket, first, FakeNetwork::take(*socket, first.size()));
            if (taken < header_length) return taken;
            return taken + received(*socket, second, FakeNetwork::take(*socket, second.size()));
          },
      .shutdown =
          [](int ssl, us_socket_t* socket) {
            test::Peer& peer = *checked(ssl, socket).peer;
            EXPECT(!socket->closed && (socket->tls || !peer.shut_down));
            if (peer.shut_down) return;
            peer.shut_down = true;
            test::trace(peer.number, " is shut down");
            socket->events &= kReadable;
          },
      .close = [](int ssl, us_socket_t* socket, int, void*) { return network().close(&checked(ssl, socket)); },
      .native_handle = [](int ssl, us_socket_t* socket) -> void* { return &checked(ssl, socket); },

      .poll_fd = [](us_poll_t* poll) { return poll->fd; },
      .poll_events = [](us_poll_t* poll) { return poll->events; },
      .poll_change =
          [](us_poll_t* poll, us_loop_t*, int events) {
            EXPECT(!socket_of(poll).closed && (events & ~(kReadable | kWritable)) == 0);
            poll->events = events;
          },

      .client_certificate =
          [](void* handle) {
            const us_socket_t& socket = *static_cast<us_socket_t*>(handle);
            EXPECT(socket.tls && !socket.tls->in_handshake());
            return socket.peer->certificate;
          },
  };
  return table;
}
// NOLINTEND

SocketPoll::~SocketPoll() { close(); }

int SocketPoll::open(uv_loop_s*, int fd, Callback callback, void* owner) noexcept {
  poll_ = network().create_poll(fd);
  poll_->callback = callback;
  poll_->owner = owner;
  return 0;
}

void SocketPoll::pause() noexcept {
  if (poll_) poll_->readable = false;
}

void SocketPoll::resume() noexcept {
  if (poll_) poll_->readable = true;
}

void SocketPoll::close() noexcept {
  if (poll_) network().free_poll(std::exchange(poll_, nullptr));
}

}  // namespace uwsgiref::net
