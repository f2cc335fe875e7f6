// What native/net asks of the operating system past uSockets. The linker leads its calls here (--wrap, see
// native/Makefile); what is not about the fake network goes on to the system.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <string>
#include <utility>

#include "fuzz/connection/fake_sockets.h"
#include "fuzz/oracle.h"

using uwsgiref::test::FakeNetwork;
using uwsgiref::test::Peer;

namespace {

Peer* peer_of(int fd) { return FakeNetwork::active() ? FakeNetwork::active()->peer_of(fd) : nullptr; }

}  // namespace

extern "C" {

int __wrap_clock_gettime(clockid_t clock, timespec* time) {
  FakeNetwork* network = FakeNetwork::active();
  if (!network || clock != CLOCK_MONOTONIC_COARSE) return ::clock_gettime(clock, time);
  time->tv_sec = network->now() / 1000;
  time->tv_nsec = network->now() % 1000 * 1'000'000;
  return 0;
}

time_t __wrap_time(time_t* result) {
  if (!FakeNetwork::active()) return ::time(result);
  return FakeNetwork::active()->now() / 1000;
}

ssize_t __wrap_sendfile(int out, int in, off_t* offset, size_t count) {
  Peer* peer = peer_of(out);
  if (!peer) return ::sendfile(out, in, offset, count);
  EXPECT(peer->socket && !peer->socket->tls && !peer->shut_down);
  if (FakeNetwork::active()->file_fails(in)) {
    if (errno == EPIPE) peer->broken = true;
    return -1;
  }
  peer->blocked = peer->room < count;
  if (peer->broken || peer->room == 0) {
    errno = peer->broken ? EPIPE : EAGAIN;
    return -1;
  }
  std::string bytes(std::min<uint64_t>(count, peer->room), '\0');
  FakeNetwork::active()->disk.expect_at_hand(in, static_cast<uint64_t>(*offset), bytes.size());
  const ssize_t read = ::pread(in, bytes.data(), bytes.size(), *offset);
  EXPECT(read >= 0);
  uwsgiref::test::trace(peer->number, " gets ", read, " of ", count, " bytes of a file");
  peer->received.append(bytes, 0, static_cast<size_t>(read));
  peer->room -= static_cast<uint64_t>(read);
  *offset += read;
  return read;
}

ssize_t __wrap_send(int fd, const void* bytes, size_t count, int flags) {
  Peer* peer = peer_of(fd);
  EXPECT(peer && peer->socket && !peer->socket->tls && !peer->shut_down && flags == (MSG_DONTWAIT | MSG_NOSIGNAL));
  if (peer->broken || peer->room == 0) {
    errno = peer->broken ? EPIPE : EAGAIN;
    return -1;
  }
  const auto taken = static_cast<size_t>(std::min<uint64_t>(count, peer->room));
  uwsgiref::test::trace(peer->number, " gets ", taken, " of ", count, " bytes meanwhile");
  peer->received.append(static_cast<const char*>(bytes), taken);
  peer->room -= taken;
  return static_cast<ssize_t>(taken);
}

ssize_t __wrap_recv(int fd, void* into, size_t size, int flags) {
  Peer* peer = peer_of(fd);
  EXPECT(peer && peer->poll && !peer->broken && (flags == 0 || flags == MSG_PEEK));
  const std::string_view bytes = peer->unread().substr(0, std::min(size, peer->arrived));
  if (bytes.empty() && peer->unread().empty() && peer->said_all) {
    peer->end_read = true;
    return 0;
  }
  if (bytes.empty()) {
    errno = EAGAIN;
    return -1;
  }
  std::ranges::copy(bytes, static_cast<char*>(into));
  if (flags == MSG_PEEK) return static_cast<ssize_t>(bytes.size());
  peer->arrived -= bytes.size();
  peer->read += bytes.size();
  return static_cast<ssize_t>(bytes.size());
}

/// The script says when the thread looks.
int __wrap_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) { return 0; }
int __wrap_pthread_join(pthread_t, void**) { return 0; }

ssize_t __wrap_pread(int fd, void* buffer, size_t count, off_t offset) {
  FakeNetwork* network = FakeNetwork::active();
  if (network && network->file_fails(fd)) return -1;
  if (network) network->disk.expect_at_hand(fd, static_cast<uint64_t>(offset), count);
  return ::pread(fd, buffer, count, offset);
}

/// Only a request body's temporary file is written to.
ssize_t __wrap_write(int fd, const void* bytes, size_t count) {
  FakeNetwork* network = FakeNetwork::active();
  if (!network || network->store_error == 0) return ::write(fd, bytes, count);
  errno = std::exchange(network->store_error, 0);
  return -1;
}

int __wrap_poll(pollfd* fds, nfds_t count, int timeout) {
  Peer* peer = count == 1 ? peer_of(fds->fd) : nullptr;
  if (!peer) return ::poll(fds, count, timeout);
  const bool readable = FakeNetwork::has_unread(*peer);
  fds->revents = peer->broken ? POLLERR | POLLHUP : (peer->room > 0 ? POLLOUT : 0) | (readable ? POLLIN : 0);
  fds->revents &= fds->events | POLLERR | POLLHUP;
  return fds->revents != 0;
}

int __wrap_setsockopt(int fd, int level, int name, const void* value, socklen_t size) {
  Peer* peer = peer_of(fd);
  if (!peer) return ::setsockopt(fd, level, name, value, size);
  if ((level == SOL_SOCKET && name == SO_MAX_PACING_RATE) || (level == IPPROTO_TCP && name == TCP_NOTSENT_LOWAT)) {
    EXPECT(size == sizeof(uint32_t) && !peer->shut_down);
    return 0;
  }
  EXPECT(level == SOL_SOCKET && name == SO_LINGER && size == sizeof(linger));
  peer->reset = true;
  return 0;
}

int __wrap_accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  FakeNetwork* network = FakeNetwork::active();
  if (!network) return ::accept4(fd, address, size, flags);
  EXPECT(flags == (SOCK_NONBLOCK | SOCK_CLOEXEC) && *size >= sizeof(sockaddr_in));
  Peer* peer = nullptr;
  const int accepted = network->accept(peer);
  if (accepted < 0) return -1;
  auto& ipv4 = *reinterpret_cast<sockaddr_in*>(address);
  ipv4 = {};
  ipv4.sin_family = AF_INET;
  ipv4.sin_addr.s_addr = htonl(0x0a000000U | peer->address);
  ipv4.sin_port = htons(static_cast<uint16_t>(peer->number));
  *size = sizeof ipv4;
  return accepted;
}

int __wrap_getrlimit(__rlimit_resource_t resource, rlimit* limit) {
  if (!FakeNetwork::active() || resource != RLIMIT_NOFILE) return ::getrlimit(resource, limit);
  limit->rlim_cur = limit->rlim_max = static_cast<rlim_t>(FakeNetwork::active()->descriptors);
  return 0;
}
}
