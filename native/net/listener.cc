#include "net/listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "net/connection.h"
#include "net/event_loop.h"
#include "net/file_descriptor.h"
#include "net/peer_address.h"

namespace uwsgiref::net {
namespace {

constexpr int kExclusivePort = 1;  // without it uSockets sets SO_REUSEPORT, and two servers would share a port unawares

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

const char* path_or_null(const std::string& path) noexcept { return path.empty() ? nullptr : path.c_str(); }

}  // namespace

Listener::Listener(EventLoop& loop, Settings settings, bool secure)
    : loop_(loop),
      settings_(std::move(settings)),
      secure_(secure),
      fields_(settings_.head.max_fields),
      parser_(settings_.head, fields_) {}

std::unique_ptr<Listener> Listener::create(EventLoop& loop, Settings settings, const TlsFiles* tls) {
  us_socket_context_options_t options{};
  if (tls) {
    options.key_file_name = path_or_null(tls->key);
    options.cert_file_name = path_or_null(tls->certificate);
    options.ca_file_name = path_or_null(tls->authority);
    options.passphrase = path_or_null(tls->passphrase);
    options.ssl_ciphers = path_or_null(tls->ciphers);
  }
  bool secure = tls != nullptr;
  us_socket_context_t* context = usockets().create_socket_context(secure, loop.handle(), sizeof(Listener*), options);
  if (!context) return nullptr;
  std::unique_ptr<Listener> listener(new Listener(loop, std::move(settings), secure));
  listener->context_ = context;
  loop.enter(*listener);
  *static_cast<Listener**>(usockets().context_ext(secure, context)) = listener.get();
  if (secure) {
    listener->subscribe<1>();
  } else {
    listener->subscribe<0>();
  }
  return listener;
}

Listener::~Listener() {
  loop_.leave(*this);
  close_connections();
  stop_listening();
  usockets().context_free(secure_, context_);
}

template <int kSecure>
void Listener::subscribe() noexcept {
  const USockets& us = usockets();
  static constexpr auto listener_of = [](us_socket_context_t* context) -> Listener& {
    return **static_cast<Listener**>(usockets().context_ext(kSecure, context));
  };
  us.on_pre_open(kSecure, context_, [](us_socket_context_t* context, int fd) {
    Listener& listener = listener_of(context);
    if (listener.admits(fd)) return fd;
    listener.loop_.counters().dropped++;
    ::close(fd);
    return -1;
  });
  us.on_open(kSecure, context_, [](us_socket_t* socket, int, char* ip, int ip_length) {
    Listener& listener = listener_of(usockets().socket_context(kSecure, socket));
    PeerAddress peer(ip, ip_length, ip_length > 0 ? usockets().remote_port(kSecure, socket) : 0);
    listener.opened(peer);
    new (usockets().socket_ext(kSecure, socket)) Connection(socket, listener, peer);
    return socket;
  });
  us.on_close(kSecure, context_, [](us_socket_t* socket, int, void*) {
    Listener& listener = listener_of(usockets().socket_context(kSecure, socket));
    Connection& connection = connection_of<kSecure>(socket);
    EventLoop::Event event(listener.loop_);
    PeerAddress peer = connection.peer();
    connection.~Connection();
    listener.closed(peer);
    return socket;
  });
  us.on_data(kSecure, context_, [](us_socket_t* socket, char* data, int length) {
    connection_of<kSecure>(socket).on_data({data, static_cast<size_t>(length)});
    return socket;
  });
  us.on_writable(kSecure, context_, [](us_socket_t* socket) {
    connection_of<kSecure>(socket).on_writable();
    return socket;
  });
  us.on_end(kSecure, context_, [](us_socket_t* socket) {
    connection_of<kSecure>(socket).on_half_close();
    return socket;
  });
  // uSockets' own timeouts are never armed; see deadlines.h.
  us.on_timeout(kSecure, context_, [](us_socket_t* socket) { return socket; });
  us.on_long_timeout(kSecure, context_, [](us_socket_t* socket) { return socket; });
}

int Listener::listen(const std::string& host, int port) noexcept {
  errno = 0;
  listen_socket_ = usockets().listen(secure_, context_, path_or_null(host), port, kExclusivePort, sizeof(Connection));
  if (!listen_socket_) return errno ? errno : EADDRNOTAVAIL;
  port_ = usockets().local_port(secure_, reinterpret_cast<us_socket_t*>(listen_socket_));
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
  listen_socket_ = usockets().listen_unix(secure_, context_, path.c_str(), kExclusivePort, sizeof(Connection));
  if (!listen_socket_) return errno ? errno : EADDRNOTAVAIL;
  path_ = path;
  return 0;
}

void Listener::stop_listening() noexcept {
  if (!listen_socket_) return;
  if (!path_.empty()) ::unlink(path_.c_str());
  usockets().listen_close(secure_, std::exchange(listen_socket_, nullptr));
}

void Listener::drain() noexcept {
  if (draining_) return;
  draining_ = true;
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
