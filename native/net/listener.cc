#include "net/listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <utility>

#include "net/connection.h"
#include "net/event_loop.h"
#include "net/file_descriptor.h"
#include "net/peer_address.h"

namespace uwsgiref::net {
namespace {

// More than uSockets lets wait; who comes meanwhile is as late as who comes then.
constexpr int kMostWaiting = 1024;

constexpr int kExclusivePort = 1;  // without it uSockets sets SO_REUSEPORT, and two servers would share a port unawares

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

/// Whether something stands at `path` that is no abandoned socket: another kind of file, or a socket that answers.
bool socket_in_use(const std::string& path) noexcept {
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0) return false;
  if (!S_ISSOCK(status.st_mode)) return true;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
         errno != ECONNREFUSED;
}

}  // namespace

Listener::Listener(EventLoop& loop, Settings settings, bool secure)
    : loop_(loop),
      settings_(std::move(settings)),
      secure_(secure),
      fields_(settings_.head.max_fields),
      parser_(settings_.head, fields_) {}

std::unique_ptr<Listener> Listener::create(EventLoop& loop, Settings settings, const TlsFiles* tls,
                                           std::string& refused) {
  std::unique_ptr<Listener> listener(new Listener(loop, std::move(settings), tls != nullptr));
  loop.enter(*listener);
  listener->accepting_ = usockets().create_socket_context(0, loop.handle(), sizeof(ContextState), {});
  listener->subscribe<0>(listener->accepting_);
  if (!tls) {
    listener->context_ = listener->accepting_;
  } else if (!listener->replace_certificates(*tls, refused)) {
    return nullptr;
  }
  return listener;
}

Listener::~Listener() {
  loop_.leave(*this);
  close_connections();
  stop_listening();
  if (context_) loop_.retire(secure_, context_);
  if (accepting_ != context_) loop_.retire(false, accepting_);
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

bool Listener::takes(int fd) noexcept {
  if (!admits(fd)) {
    loop_.counters().dropped++;
    ::close(fd);
    return false;
  }
  if (!secure_) return true;
  adopt(fd);
  return false;
}

void Listener::adopt(int fd) noexcept {
  // uSockets only hands the address on to on_open.
  http::IpAddress ip = PeerAddress::of(fd).address();
  usockets().adopt_accepted_socket(secure_, context_, fd, sizeof(Connection), reinterpret_cast<char*>(ip.bytes.data()),
                                   ip.size);
}

template <int kSecure>
void Listener::subscribe(us_socket_context_t* context) noexcept {
  const USockets& us = usockets();
  new (us.context_ext(kSecure, context)) ContextState{this, 0};
  us.on_pre_open(kSecure, context, [](us_socket_context_t* context, int fd) {
    return state_of<kSecure>(context).listener->takes(fd) ? fd : -1;
  });
  us.on_open(kSecure, context, [](us_socket_t* socket, int, char* ip, int ip_length) {
    us_socket_context_t* context = usockets().socket_context(kSecure, socket);
    ContextState& state = state_of<kSecure>(context);
    PeerAddress peer(ip, ip_length, ip_length > 0 ? usockets().remote_port(kSecure, socket) : 0);
    state.connection_count++;
    state.listener->opened(peer);
    new (usockets().socket_ext(kSecure, socket)) Connection(socket, *state.listener, peer);
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

int Listener::listen(const std::string& host, int port) noexcept {
  errno = 0;
  const char* address = host.empty() ? nullptr : host.c_str();
  listen_socket_ = usockets().listen(0, accepting_, address, port, kExclusivePort, sizeof(Connection));
  if (!listen_socket_) return errno ? errno : EADDRNOTAVAIL;
  port_ = usockets().local_port(0, reinterpret_cast<us_socket_t*>(listen_socket_));
  // uSockets does so only where the port was given. Connections inherit it, and a port whose last connections linger
  // in TIME_WAIT can be bound again.
  int on = 1;
  setsockopt(usockets().poll_fd(reinterpret_cast<us_poll_t*>(listen_socket_)), SOL_SOCKET, SO_REUSEADDR, &on,
             sizeof on);
  return 0;
}

int Listener::listen_unix(const std::string& path) noexcept {
  // uSockets copies the path unchecked, and removes whatever it finds there.
  if (path.size() >= sizeof(sockaddr_un::sun_path)) return ENAMETOOLONG;
  if (socket_in_use(path)) return EADDRINUSE;
  errno = 0;
  listen_socket_ = usockets().listen_unix(0, accepting_, path.c_str(), kExclusivePort, sizeof(Connection));
  if (!listen_socket_) return errno ? errno : EADDRNOTAVAIL;
  path_ = path;
  return 0;
}

/// Takes in the connections that the kernel has made: with the listening socket it would reset them, and the requests
/// that their clients may have sent.
void Listener::accept_waiting() noexcept {
  if (!listen_socket_) return;
  int listening = usockets().poll_fd(reinterpret_cast<us_poll_t*>(listen_socket_));
  for (int left = kMostWaiting; left > 0; left--) {
    FileDescriptor fd(::accept(listening, nullptr, nullptr));
    if (!fd) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return;
    }
    ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
    if (!admits(fd.get())) {
      loop_.counters().dropped++;
      continue;
    }
    adopt(fd.release());
  }
}

void Listener::stop_listening() noexcept {
  if (!listen_socket_) return;
  if (!path_.empty()) ::unlink(path_.c_str());
  usockets().listen_close(0, std::exchange(listen_socket_, nullptr));
}

void Listener::drain() noexcept {
  if (draining_) return;
  draining_ = true;
  accept_waiting();
  stop_listening();
  if (connection_count_ == 0) {
    loop_.gateway().on_drained(*this);
    return;
  }
  for_each_connection([](Connection& connection) { connection.hurry(); });
}

void Listener::accept(bool accepting) noexcept {
  if (!listen_socket_) return;
  usockets().poll_change(reinterpret_cast<us_poll_t*>(listen_socket_), loop_.handle(), accepting ? kReadable : 0);
}

void Listener::close_connections() noexcept {
  for_each_connection([](Connection& connection) { connection.close(); });
}

template <typename Visit>
void Listener::for_each_connection(Visit visit) noexcept {
  loop_.deadlines().for_each([&](Connection& connection) {
    if (&connection.listener() == this) visit(connection);
  });
}

bool Listener::admits(int fd) noexcept {
  if (connection_count_ >= settings_.max_connections || !loop_.spares(fd)) return false;
  return settings_.max_connections_per_address == 0 || has_room_for(PeerAddress::of(fd));
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

bool Listener::hand_over(const PeerAddress& from, const PeerAddress& to) noexcept {
  if (!has_room_for(to)) return false;
  discount(from);
  count(to);
  return true;
}

void Listener::opened(const PeerAddress& peer) noexcept {
  connection_count_++;
  count(peer);
}

void Listener::closed(const PeerAddress& peer) noexcept {
  connection_count_--;
  discount(peer);
  if (draining_ && connection_count_ == 0) loop_.gateway().on_drained(*this);
}

}  // namespace uwsgiref::net
