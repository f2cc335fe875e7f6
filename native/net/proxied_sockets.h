#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>

#include "http/proxy_header.h"
#include "http/request_error.h"
#include "net/file_descriptor.h"
#include "net/peer_address.h"
#include "net/socket_poll.h"

namespace uwsgiref::net {

class Listener;

/// The sockets of a TLS listener whose PROXY header has not come yet. It stands before the handshake, which uSockets
/// begins with a connection's first byte; so it is read here, and nothing behind it, before uSockets has the socket.
class ProxiedSockets {
 public:
  explicit ProxiedSockets(Listener& listener) noexcept : listener_(listener) {}
  ProxiedSockets(const ProxiedSockets&) = delete;
  ProxiedSockets& operator=(const ProxiedSockets&) = delete;

  /// Takes a socket that `proxy` has opened. Answers whether it could be watched.
  bool add(FileDescriptor fd, const PeerAddress& proxy);
  size_t count() const noexcept { return sockets_.size(); }
  /// Closes those whose time is up, `most` of them. Answers whether more may be due. The listener may be gone then.
  bool end_late(int64_t now, size_t most) noexcept;
  /// None has more time than until `deadline`.
  void hurry(int64_t deadline) noexcept;
  /// The listener may be gone then.
  void close() noexcept;

 private:
  struct Socket {
    Socket(ProxiedSockets& owner, FileDescriptor fd, const PeerAddress& proxy) noexcept;
    ProxiedSockets& owner;
    FileDescriptor fd;
    PeerAddress proxy;
    int64_t opened;        ///< milliseconds on the loop's clock
    int64_t deadline;      ///< likewise
    std::string received;  ///< of the header
    std::list<Socket>::iterator place;
    SocketPoll poll;
  };

  void on_readable(Socket& socket) noexcept;
  /// Takes what has come of the header from the socket.
  static http::ProxyHeader read(Socket& socket) noexcept;
  /// Closes a socket, which is told why by nobody but the log. Answers whether others are left; the listener may be
  /// gone if not.
  bool drop(Socket& socket, http::RequestError why) noexcept;
  FileDescriptor take_out(Socket& socket) noexcept;

  Listener& listener_;
  std::list<Socket> sockets_;  ///< in the order of their deadlines
};

}  // namespace uwsgiref::net
