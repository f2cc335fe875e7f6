#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <string>

#include "net/file_descriptor.h"
#include "net/peer_address.h"

namespace uwsgiref::net {

/// How a socket of ours listens.
struct ListenOptions {
  /// Connections that wait to be accepted. As many as the kernel lets (SOMAXCONN, net.core.somaxconn): an application
  /// may keep the loop for a while, and who comes when the queue is full tries again a second later (RFC 6298 §2).
  int backlog = SOMAXCONN;
  /// Who may connect to a Unix socket: to connect is to write (unix(7)).
  mode_t mode = 0700;
};

/// A socket that listens: one of our own, or one that another process has made and shares. Non-blocking, and closed
/// in programs that this process starts unless they are given it.
class ListeningSocket {
 public:
  ListeningSocket() = default;
  ~ListeningSocket() { close(); }
  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;

  // Each answers 0 or an errno, and is for a socket that is not open.
  /// `host` empty or '::': every address, those of IPv4 as well. `port` 0: a free one.
  int open_tcp(const std::string& host, uint16_t port, const ListenOptions& options) noexcept;
  /// A socket file that nobody answers at is replaced. EADDRINUSE where somebody does, or where it is another file.
  int open_unix(const std::string& path, const ListenOptions& options) noexcept;
  /// An inherited descriptor, which is closed with this object. EBADF: it is not open; ENOTSOCK: it is no socket;
  /// EPROTOTYPE: not of a stream; EINVAL: it does not listen; EAFNOSUPPORT: neither of TCP nor a Unix socket. It is
  /// left alone then.
  int take_over(int fd) noexcept;

  int fd() const noexcept { return fd_.get(); }
  explicit operator bool() const noexcept { return static_cast<bool>(fd_); }
  /// Whether others may accept at the same socket.
  bool inherited() const noexcept { return inherited_; }
  /// Where it is bound; of TCP.
  const PeerAddress& address() const noexcept { return address_; }
  bool is_unix() const noexcept { return unix_; }
  /// Of a Unix socket; '@' and a name for one of the abstract namespace, as ss(8) writes it.
  const std::string& path() const noexcept { return path_; }

  /// The next connection that waits, non-blocking, and who is at its other end. None: errno says why.
  FileDescriptor accept(PeerAddress& peer) const noexcept;

  /// Removes the file of a Unix socket that was made here.
  void close() noexcept;
  /// Leaves the file to others, whatever becomes of the socket here.
  void keep_file() noexcept { file_ = {}; }
  /// Forgets an inherited descriptor and leaves it open.
  void give_back() noexcept;

 private:
  /// Which file or socket a path or descriptor leads to.
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const Identity&) const = default;
  };

  static Identity identity_of(int fd) noexcept;
  static Identity identity_of(const std::string& path) noexcept;
  int listen(FileDescriptor fd, int backlog) noexcept;
  int read_address() noexcept;

  FileDescriptor fd_;
  Identity socket_;
  Identity file_;  ///< of a Unix socket that was made here
  PeerAddress address_;
  std::string path_;
  bool unix_ = false;
  bool inherited_ = false;
};

}  // namespace uwsgiref::net
