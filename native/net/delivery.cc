#include "net/delivery.h"

#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>

#ifdef __linux__
// Of the kernel, because that of the C library has not all of tcp_info.
#include <linux/sockios.h>
#include <linux/tcp.h>
#endif

namespace uwsgiref::net {

uint64_t delivered(int fd, uint64_t taken) noexcept {
#ifdef __linux__
  tcp_info info{};
  socklen_t size = sizeof info;
  constexpr size_t kNeeded = offsetof(tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && size >= kNeeded) return info.tcpi_bytes_acked;
  // A Unix socket tells what its peer has not read (unix(7)).
  int unread = 0;
  if (::ioctl(fd, SIOCOUTQ, &unread) != 0) unread = 0;
  return taken - std::min(taken, static_cast<uint64_t>(std::max(unread, 0)));
#else
  (void)fd;
  return taken;
#endif
}

}  // namespace uwsgiref::net
