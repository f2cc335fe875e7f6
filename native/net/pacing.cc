#include "net/pacing.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

namespace uwsgiref::net {

#if defined(__linux__)

void set_pace(int socket, uint32_t bytes_a_second) noexcept {
  // socket(7): SO_MAX_PACING_RATE; all bits set is no limit.
  uint32_t rate = bytes_a_second == 0 ? UINT32_MAX : bytes_a_second;
  ::setsockopt(socket, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate);
  // What waits in the kernel to be sent is to be a quarter of a second's worth, and not megabytes: a next answer that
  // has no pace sends it all at once.
  constexpr uint32_t kLeast = 16 * 1024;
  uint32_t waiting = bytes_a_second == 0 ? 0 : std::max(bytes_a_second / 4, kLeast);
  ::setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &waiting, sizeof waiting);
}

#else

void set_pace(int, uint32_t) noexcept {}

#endif

}  // namespace uwsgiref::net
