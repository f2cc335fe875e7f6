#include "fuzz/connection/fake_sockets.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "fuzz/oracle.h"

namespace uwsgiref::test {

FakeNetwork* FakeNetwork::active_ = nullptr;

namespace {

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
  EXPECT(sockets_.empty() && contexts_.empty() && timer == nullptr && loop == nullptr && files.empty());
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
  if (peer.connected()) {
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
  peer->fd = fd;
  return fd;
}

us_socket_context_t* FakeNetwork::create_context(bool secure, size_t ext_size,
                                                 const us_socket_context_options_t& options) {
  if (options.cert_file_name && options.cert_file_name == kBadCertificate) return nullptr;
  us_socket_context_t& context = *contexts_.emplace_back(std::make_unique<us_socket_context_t>());
  context.loop = loop;
  context.secure = secure;
  context.ext = std::make_unique<char[]>(ext_size);
  return &context;
}

void FakeNetwork::free_context(us_socket_context_t* context) {
  for (const auto& socket : sockets_) EXPECT(socket->context != context);
  std::erase_if(contexts_, [context](const auto& each) { return each.get() == context; });
}

us_socket_t* FakeNetwork::adopt(us_socket_context_t* context, int fd, size_t ext_size, char* address,
                                int address_size) {
  const auto peer = std::find_if(peers_.rbegin(), peers_.rend(), [fd](const Peer& each) { return each.fd == fd; });
  EXPECT(is_open(fd) && peer != peers_.rend() && !peer->connected());
  auto owned = std::make_unique<us_socket_t>();
  us_socket_t* socket = owned.get();
  socket->fd = fd;
  socket->context = context;
  socket->peer = &*peer;
  socket->events = net::kReadable;
  socket->ext = std::make_unique<char[]>(ext_size);
  if (context->secure) socket->tls = std::make_unique<FakeTls>(*socket);
  sockets_.push_back(std::move(owned));
  socket->peer->socket = socket;
  adopted++;
  trace(socket->peer->number, " connects");
  return context->on_open(socket, 0, address, address_size);
}

bool FakeNetwork::delivers(const Peer& peer) {
  const us_socket_t* socket = peer.socket;
  if (socket == nullptr || (socket->events & net::kReadable) == 0 || peer.broken || peer.unread().empty()) return false;
  return !socket->tls || !(socket->tls->in_handshake() || peer.shut_down);
}

bool FakeNetwork::has_unread(const Peer& peer) {
  if (peer.unread().empty()) return peer.said_all && !peer.end_read;
  return !peer.socket->tls || !peer.socket->tls->in_handshake();
}

bool FakeNetwork::readable(Peer& peer, size_t most) {
  EXPECT(polling_);
  if (peer.poll) return readable_by_poll(peer, most);
  us_socket_t* socket = peer.socket;
  if (socket == nullptr || socket->events == 0) return false;
  if (peer.broken) {
    close(socket);
    return true;
  }
  if ((socket->events & net::kReadable) == 0) return false;
  const std::string_view unread = peer.unread();
  if (socket->tls && socket->tls->in_handshake() && !(peer.said_all && unread.empty())) {
    return socket->tls->take_flight();
  }
  if (!unread.empty()) {
    // Memory of just this size: a byte read behind it is an error.
    const size_t length = std::min(unread.size(), std::max<size_t>(most, 1));
    const auto bytes = std::make_unique<char[]>(length);
    std::memcpy(bytes.get(), unread.data(), length);
    const bool delivered = delivers(peer);
    peer.read += length;
    if (!delivered) return true;  // the TLS library drops what comes behind its own alert of closure
    trace(peer.number, " is read ", length, " bytes: ", unread.substr(0, std::min(length, kTraced)));
    socket->context->on_data(socket, bytes.get(), static_cast<int>(length));
    return true;
  }
  if (!peer.said_all) return false;
  EXPECT(!peer.end_read);  // it would be reported for ever
  peer.end_read = true;
  trace(peer.number, " has said all");
  if (peer.shut_down || socket->tls) {
    close(socket);
    return true;
  }
  socket->events &= net::kWritable;
  socket->context->on_end(socket);
  return true;
}

bool FakeNetwork::readable_by_poll(Peer& peer, size_t most) {
  if (!peer.broken && peer.unread().empty() && !peer.said_all) return false;
  peer.arrived = std::max<size_t>(most, 1);
  peer.poll->callback(peer.poll->owner, !peer.broken);
  EXPECT(peer.connected() || !is_open(peer.fd));
  return true;
}

bool FakeNetwork::writable(Peer& peer) {
  EXPECT(polling_);
  us_socket_t* socket = peer.socket;
  if (socket == nullptr || (socket->events & net::kWritable) == 0 || peer.room == 0 || peer.broken) return false;
  loop->last_write_failed = false;
  trace(peer.number, " is writable");
  if (socket->tls) socket->tls->go_on();
  socket->context->on_writable(socket);
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
  return socket->context->on_close(socket, 0, nullptr);
}

size_t FakeNetwork::take(us_socket_t& socket, size_t size) {
  Peer& peer = *socket.peer;
  const size_t taken = peer.broken ? 0 : static_cast<size_t>(std::min<uint64_t>(peer.room, size));
  peer.room -= taken;
  peer.blocked = taken < size;
  if (peer.blocked) socket.events = net::kReadable | net::kWritable;
  return taken;
}

size_t FakeNetwork::write(us_socket_t& socket, size_t size) {
  const size_t taken = take(socket, size);
  if (taken < size) socket.context->loop->last_write_failed = true;
  return taken;
}

uv_poll_s* FakeNetwork::create_poll(int fd) {
  auto* poll = new uv_poll_s;
  if (fd == accepted_) {
    poll->peer = &peers_.back();
    poll->peer->poll = poll;
  } else {
    EXPECT(listening_poll == nullptr);
    listening_poll = poll;
  }
  return poll;
}

void FakeNetwork::free_poll(uv_poll_s* poll) {
  if (poll->peer) {
    poll->peer->poll = nullptr;
    poll->peer->ended_in_sweep = sweeping_;
  } else {
    listening_poll = nullptr;
  }
  delete poll;
}

Peer* FakeNetwork::peer_of(int fd) {
  const auto peer = std::ranges::find_if(peers_, [fd](const Peer& each) { return each.connected() && each.fd == fd; });
  return peer == peers_.end() ? nullptr : &*peer;
}

}  // namespace uwsgiref::test
