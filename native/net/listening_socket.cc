#include "net/listening_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <utility>

namespace uwsgiref::net {
namespace {

bool set_flags(int fd) noexcept {
  int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

FileDescriptor new_socket(int family) noexcept {
#ifdef __linux__
  return FileDescriptor(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
#else
  FileDescriptor fd(::socket(family, SOCK_STREAM, 0));
  if (fd && !set_flags(fd.get())) fd.reset();
  return fd;
#endif
}

bool switch_option(int fd, int level, int name, int value) noexcept {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

int option_of(int fd, int name) noexcept {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

sockaddr_un unix_address(const std::string& path) noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

/// Whether something stands at `path` that is no abandoned socket: another kind of file, or a socket that answers.
bool in_use(const std::string& path) noexcept {
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0) return false;
  if (!S_ISSOCK(status.st_mode)) return true;
  sockaddr_un address = unix_address(path);
  // One whose queue is full answers that it is.
  FileDescriptor probe = new_socket(AF_UNIX);
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
         errno != ECONNREFUSED;
}

/// A socket bound to the address; errno says why not.
FileDescriptor bound_socket(const addrinfo& where, bool any_port) noexcept {
  FileDescriptor fd = new_socket(where.ai_family);
  if (!fd) return fd;
  // Connections inherit it, and a port whose last connections linger in TIME_WAIT can be bound again. Where the kernel
  // chooses the port, it must not choose one that another such socket has and does not listen at yet.
  if (!any_port) switch_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (where.ai_family == AF_INET6) switch_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (::bind(fd.get(), where.ai_addr, where.ai_addrlen) != 0) return FileDescriptor();
  if (any_port) switch_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  return fd;
}

}  // namespace

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept { *this = std::move(other); }

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  close();
  fd_ = std::move(other.fd_);
  socket_ = other.socket_;
  file_ = std::exchange(other.file_, {});
  address_ = other.address_;
  path_ = std::move(other.path_);
  unix_ = other.unix_;
  inherited_ = other.inherited_;
  return *this;
}

int ListeningSocket::open_tcp(const std::string& host, uint16_t port, const ListenOptions& options) noexcept {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int failure = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failure == EAI_SYSTEM) return errno;
  if (failure != 0) return failure == EAI_MEMORY ? ENOMEM : EADDRNOTAVAIL;
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int error = EADDRNOTAVAIL;
  // The wildcard of IPv6 serves IPv4 as well.
  for (int family : {AF_INET6, AF_INET}) {
    for (const addrinfo* each = found; each; each = each->ai_next) {
      if (each->ai_family != family) continue;
      FileDescriptor fd = bound_socket(*each, port == 0);
      if (fd) return listen(std::move(fd), options.backlog);
      error = errno;
      // One of a name's addresses may be none of this machine's, or IPv6 be switched off.
      if (error != EADDRNOTAVAIL && error != EAFNOSUPPORT) return error;
    }
  }
  return error;
}

int ListeningSocket::open_unix(const std::string& path, const ListenOptions& options) noexcept {
  if (path.find('\0') != std::string::npos) return EINVAL;
  if (path.size() >= sizeof(sockaddr_un::sun_path)) return ENAMETOOLONG;
  if (in_use(path)) return EADDRINUSE;
  FileDescriptor fd = new_socket(AF_UNIX);
  if (!fd) return errno;
  ::unlink(path.c_str());
  sockaddr_un address = unix_address(path);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return errno;
  // Nobody can connect before it listens, whatever the umask lets.
  int error = ::chmod(path.c_str(), options.mode) == 0 ? listen(std::move(fd), options.backlog) : errno;
  if (error == 0) {
    file_ = identity_of(path);
  } else {
    ::unlink(path.c_str());
  }
  return error;
}

int ListeningSocket::take_over(int fd) noexcept {
  if (::fcntl(fd, F_GETFD) < 0) return EBADF;
  int type = option_of(fd, SO_TYPE);
  if (type < 0) return errno;
  if (type != SOCK_STREAM) return EPROTOTYPE;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return errno;
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6 && address.ss_family != AF_UNIX) {
    return EAFNOSUPPORT;
  }
  if (option_of(fd, SO_ACCEPTCONN) != 1) return EINVAL;
  if (!set_flags(fd)) return errno;
  fd_ = FileDescriptor(fd);
  inherited_ = true;
  return read_address();
}

int ListeningSocket::listen(FileDescriptor fd, int backlog) noexcept {
  if (::listen(fd.get(), backlog) != 0) return errno;
  fd_ = std::move(fd);
  return read_address();
}

int ListeningSocket::read_address() noexcept {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return errno;
  socket_ = identity_of(fd_.get());
  address_ = PeerAddress::of(address);
  unix_ = address.ss_family == AF_UNIX;
  if (!unix_) return 0;
  const auto& local = reinterpret_cast<const sockaddr_un&>(address);
  constexpr size_t kBegin = offsetof(sockaddr_un, sun_path);
  path_.assign(local.sun_path, size > kBegin ? size - kBegin : 0);
  if (path_.starts_with('\0')) {
    path_.front() = '@';
  } else {
    path_.resize(path_.find_last_not_of('\0') + 1);  // npos + 1 is 0
  }
  return 0;
}

FileDescriptor ListeningSocket::accept(PeerAddress& peer) const noexcept {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  auto* place = reinterpret_cast<sockaddr*>(&address);
#ifdef __linux__
  FileDescriptor fd(::accept4(fd_.get(), place, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
#else
  FileDescriptor fd(::accept(fd_.get(), place, &size));
  if (fd && !set_flags(fd.get())) fd.reset();
#endif
  if (fd) peer = PeerAddress::of(address);
  return fd;
}

void ListeningSocket::close() noexcept {
  if (!fd_) return;
  if (file_.inode != 0 && identity_of(path_) == file_) ::unlink(path_.c_str());
  file_ = {};
  // Whoever was given the number in this same process may have closed it, and it may be another file's by now.
  if (identity_of(fd_.get()) == socket_) {
    fd_.reset();
  } else {
    fd_.release();
  }
}

void ListeningSocket::give_back() noexcept { fd_.release(); }

ListeningSocket::Identity ListeningSocket::identity_of(int fd) noexcept {
  struct stat status;
  return ::fstat(fd, &status) == 0 ? Identity{status.st_dev, status.st_ino} : Identity{};
}

ListeningSocket::Identity ListeningSocket::identity_of(const std::string& path) noexcept {
  struct stat status;
  return ::lstat(path.c_str(), &status) == 0 ? Identity{status.st_dev, status.st_ino} : Identity{};
}

}  // namespace uwsgiref::net
