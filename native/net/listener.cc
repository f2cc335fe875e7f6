#include "net/listener.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "net/connection.h"
#include "net/event_loop.h"
#include "net/file_descriptor.h"
#include "net/peer_address.h"

namespace uwsgiref::net {
namespace {

// When it drains: no queue is longer. Who comes meanwhile is as late as who comes then.
constexpr int kMostWaiting = 1 << 16;

// Between two polls, so that a rush of new connections does not keep the others waiting.
constexpr int kAcceptedAtOnce = 512;
// Of a socket that several processes accept at: the one that wakes up first shall not take them all.
constexpr int kAcceptedOfShared = 1;
// How long those who have fewer connections have to accept. Milliseconds.
constexpr int kWay = 1;

/// The extension memory of a context of connections.
struct ContextState {
  Listener* listener;
  uint32_t connection_count;
};

template <int kSecure>
ContextState& state_of(us_socket_context_t* context) noexcept {
  return *static_cast<ContextState*>(usockets().context_ext(kSecure, context));
}

template <int kSecure>
Connection& connection_of(us_socket_t* socket) noexcept {
  return *static_cast<Connection*>(usockets().socket_ext(kSecure, socket));
}

/// Whether accept(2) failed for the connection at the head of the queue alone. Linux has it report what the network
/// says of that one, too.
bool concerns_one_connection(int error) noexcept {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETUNREACH:
#ifdef __linux__
    case ENONET:
#endif
      return true;
    default:
      return false;
  }
}

}  // namespace

Listener::Listener(EventLoop& loop, Settings settings, bool secure)
    : loop_(loop),
      settings_(std::move(settings)),
      secure_(secure),
      fields_(settings_.head.max_fields),
      parser_(settings_.head, fields_),
      proxied_(*this) {}

std::unique_ptr<Listener> Listener::create(EventLoop& loop, Settings settings, const TlsFiles* tls,
                                           std::string& refused) {
  std::unique_ptr<Listener> listener(new Listener(loop, std::move(settings), tls != nullptr));
  loop.enter(*listener);
  if (tls) return listener->replace_certificates(*tls, refused) ? std::move(listener) : nullptr;
  listener->context_ = usockets().create_socket_context(0, loop.handle(), sizeof(ContextState), {});
  listener->subscribe<0>(listener->context_);
  return listener;
}

Listener::~Listener() {
  loop_.leave(*this);
  close_connections();
  stop_listening();
  if (context_) loop_.retire(secure_, context_);
}

bool Listener::replace_certificates(const TlsFiles& tls, std::string& refused) {
  us_socket_context_t* context = create_tls_context(loop_, tls, sizeof(ContextState), refused);
  if (!context) return false;
  subscribe<1>(context);
  us_socket_context_t* former = std::exchange(context_, context);
  // Its last connection retires it otherwise.
  if (former && state_of<1>(former).connection_count == 0) loop_.retire(true, former);
  return true;
}

template <int kSecure>
void Listener::subscribe(us_socket_context_t* context) noexcept {
  const USockets& us = usockets();
  new (us.context_ext(kSecure, context)) ContextState{this, 0};
  us.on_open(kSecure, context, [](us_socket_t* socket, int, char* accepted_from, int) {
    us_socket_context_t* context = usockets().socket_context(kSecure, socket);
    ContextState& state = state_of<kSecure>(context);
    state.connection_count++;
    const Accepted& accepted = *reinterpret_cast<const Accepted*>(accepted_from);
    new (usockets().socket_ext(kSecure, socket)) Connection(socket, *state.listener, accepted);
    return socket;
  });
  us.on_close(kSecure, context, [](us_socket_t* socket, int, void*) {
    us_socket_context_t* context = usockets().socket_context(kSecure, socket);
    ContextState& state = state_of<kSecure>(context);
    Listener& listener = *state.listener;
    EventLoop::Event event(listener.loop_);
    Connection& connection = connection_of<kSecure>(socket);
    PeerAddress peer = connection.peer();
    connection.~Connection();
    if (--state.connection_count == 0 && context != listener.context_) listener.loop_.retire(kSecure, context);
    listener.closed(peer);
    return socket;
  });
  us.on_data(kSecure, context, [](us_socket_t* socket, char* data, int length) {
    connection_of<kSecure>(socket).on_data({data, static_cast<size_t>(length)});
    // Where a client has filled the buffer uSockets would read on at once, and never turn to another for as long as
    // the client keeps pace; nor would it know that the connection does not want more. Its TLS half reads on anyway.
    return kSecure ? socket : nullptr;
  });
  us.on_writable(kSecure, context, [](us_socket_t* socket) {
    connection_of<kSecure>(socket).on_writable();
    return socket;
  });
  us.on_end(kSecure, context, [](us_socket_t* socket) {
    connection_of<kSecure>(socket).on_half_close();
    return socket;
  });
  // uSockets' own timeouts are never armed; see deadlines.h.
  us.on_timeout(kSecure, context, [](us_socket_t* socket) { return socket; });
  us.on_long_timeout(kSecure, context, [](us_socket_t* socket) { return socket; });
}

int Listener::listen(ListeningSocket socket) noexcept {
  auto on_event = [](void* listener, bool readable) {
    auto& self = *static_cast<Listener*>(listener);
    EventLoop::Event event(self.loop_);
    if (!readable) return self.loop_.stop_accepting(EIO);
    self.on_waiting();
  };
  if (int error = poll_.open(loop_.uv_loop(), socket.fd(), on_event, this); error != 0) {
    if (socket.inherited()) socket.give_back();
    return error;
  }
  socket_ = std::move(socket);
  if (socket_.inherited()) loop_.note_connections();
  if (!loop_.accepting()) poll_.pause();
  return 0;
}

void Listener::on_waiting() noexcept {
  if (!socket_.inherited()) return accept_up_to(kAcceptedAtOnce);
  if (loop_.scoreboard().has_more_than_others()) return give_way();
  taken_anyway_ = 1;
  accept_up_to(kAcceptedOfShared);
}

void Listener::give_way() noexcept {
  if (!way_timer_) {
    constexpr int kDoesNotKeepTheProcess = 1;
    way_timer_ = usockets().create_timer(loop_.handle(), kDoesNotKeepTheProcess, sizeof(Listener*));
    *static_cast<Listener**>(usockets().timer_ext(way_timer_)) = this;
  }
  gives_way_ = true;
  poll_.pause();
  auto on_time = [](us_timer_t* timer) { (*static_cast<Listener**>(usockets().timer_ext(timer)))->on_way_given(); };
  usockets().timer_set(way_timer_, on_time, kWay, 0);
}

void Listener::stop_giving_way() noexcept {
  gives_way_ = false;
  usockets().timer_set(way_timer_, nullptr, 0, 0);
  if (loop_.accepting()) poll_.resume();
}

void Listener::on_way_given() noexcept {
  EventLoop::Event event(loop_);
  stop_giving_way();
  if (!loop_.accepting() || !loop_.scoreboard().has_more_than_others()) return;
  // Those who have fewer are busy with them. The longer that is so, the less they are waited for.
  const int most = taken_anyway_;
  taken_anyway_ = std::min(2 * most, kAcceptedAtOnce);
  accept_up_to(most);
}

void Listener::accept_up_to(int most) noexcept {
  while (most > 0 && accept_one()) most--;
}

bool Listener::accept_one() noexcept {
  EventLoop& loop = loop_;
  PeerAddress peer;
  FileDescriptor fd = socket_.accept(peer);
  if (!fd) {
    if (concerns_one_connection(errno)) return true;
    if (errno != EAGAIN) loop.stop_accepting(errno);
    return false;
  }
  if (!admits(fd.get(), peer)) {
    loop.counters().dropped++;
    return loop.accepting();
  }
  opened(peer);
  const bool trusted = settings_.trusts(peer);
  const bool proxied = trusted && settings_.proxy_protocol;
  if (!secure_ || !proxied) {
    adopt(std::move(fd), {peer, trusted, proxied, EventLoop::now()});
  } else if (!proxied_.add(std::move(fd), peer)) {
    closed(peer);
  }
  return true;
}

void Listener::adopt(FileDescriptor fd, const Accepted& accepted) noexcept {
  // uSockets sets TCP_NODELAY, and hands what is called an address on to on_open as it is.
  Accepted handed = accepted;
  us_socket_t* socket = usockets().adopt_accepted_socket(secure_, context_, fd.release(), sizeof(Connection),
                                                         reinterpret_cast<char*>(&handed), sizeof handed);
  if (draining()) static_cast<Connection*>(usockets().socket_ext(secure_, socket))->hurry();
}

void Listener::refuse_handshake(http::RequestError error, const PeerAddress& peer) noexcept {
  loop_.counters().refused++;
  if (!settings_.report_refusals) return;
  loop_.gateway().on_refused(*this, {http::status_code(error), http::describe(error), {}, peer});
}

void Listener::stop_listening() noexcept {
  if (socket_.inherited()) loop_.scoreboard().leave();
  if (way_timer_) usockets().timer_close(std::exchange(way_timer_, nullptr));
  gives_way_ = false;
  poll_.close();
  socket_.close();
}

void Listener::drain(const Drain& how) noexcept {
  if (draining()) {
    if (how.idle >= *drain_idle_) return;
    drain_idle_ = how.idle;
    return hurry_connections();
  }
  drain_idle_ = how.idle;
  // With the last descriptor of a listening socket the kernel resets the connections that wait, and with them the
  // requests that their clients may have sent.
  if (socket_ && (how.take_waiting || !socket_.inherited())) accept_up_to(kMostWaiting);
  stop_listening();
  if (connection_count_ == 0) {
    loop_.gateway().on_drained(*this);
    return;
  }
  hurry_connections();
}

void Listener::hurry_connections() noexcept {
  proxied_.hurry(EventLoop::now() + *drain_idle_);
  for_each_connection([](Connection& connection) { connection.hurry(); });
}

void Listener::accept(bool accepting) noexcept {
  if (accepting && !gives_way_) {
    poll_.resume();
  } else {
    poll_.pause();
  }
}

void Listener::close_connections() noexcept {
  // Behind its last connection the listener may be gone.
  const bool proxied = proxied_.count() > 0;
  for_each_connection([](Connection& connection) { connection.close(); });
  if (proxied) proxied_.close();
}

template <typename Visit>
void Listener::for_each_connection(Visit visit) noexcept {
  loop_.deadlines().for_each([&](Connection& connection) {
    if (&connection.listener() == this) visit(connection);
  });
}

std::array<uint32_t, kWaits> Listener::count_waits() noexcept {
  std::array<uint32_t, kWaits> counts{};
  for_each_connection([&](Connection& connection) { counts[static_cast<size_t>(connection.waits_for())]++; });
  counts[static_cast<size_t>(Wait::kHead)] += static_cast<uint32_t>(proxied_.count());
  return counts;
}

bool Listener::admits(int fd, const PeerAddress& peer) noexcept {
  return connection_count_ < settings_.max_connections && has_room_for(peer) && loop_.spares(fd);
}

bool Listener::has_room_for(const PeerAddress& peer) const noexcept {
  uint32_t most = settings_.max_connections_per_address;
  // A proxy speaks for many.
  if (most == 0 || settings_.trusts(peer)) return true;
  auto known = connections_of_.find(peer.network());
  return known == connections_of_.end() || known->second < most;
}

void Listener::count(const PeerAddress& peer) noexcept {
  if (settings_.max_connections_per_address != 0) connections_of_[peer.network()]++;
}

void Listener::discount(const PeerAddress& peer) noexcept {
  auto known = connections_of_.find(peer.network());
  if (known != connections_of_.end() && --known->second == 0) connections_of_.erase(known);
}

bool Listener::introduce(const http::ProxyHeader& header, Accepted& accepted) noexcept {
  accepted.awaits_proxy_header = false;
  if (header.client == http::ProxiedClient::kNone) return true;
  // From here on the client speaks, and the proxy only carries its bytes. The client may itself be a trusted proxy; one
  // that has no address to be trusted by is not.
  accepted.from_trusted_proxy = false;
  if (header.client == http::ProxiedClient::kUnknown) return true;
  const PeerAddress client(header.source.address, header.source.port);
  if (!has_room_for(client)) {
    loop_.counters().dropped++;
    return false;
  }
  discount(accepted.peer);
  count(client);
  accepted.peer = client;
  accepted.from_trusted_proxy = header.client == http::ProxiedClient::kAddress && settings_.trusts(client);
  return true;
}

void Listener::opened(const PeerAddress& peer) noexcept {
  connection_count_++;
  count(peer);
}

void Listener::closed(const PeerAddress& peer) noexcept {
  connection_count_--;
  discount(peer);
  if (gives_way_ && !loop_.scoreboard().has_more_than_others()) stop_giving_way();
  if (draining() && connection_count_ == 0) loop_.gateway().on_drained(*this);
}

}  // namespace uwsgiref::net
