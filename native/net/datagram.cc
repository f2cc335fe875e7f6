#include "net/datagram.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "net/file_descriptor.h"

namespace uwsgiref::net {

int send_datagram(std::string_view path, std::string_view text) noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty()) return EINVAL;
  if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::copy(path.begin(), path.end(), address.sun_path);
  if (path.front() == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());

  FileDescriptor fd(socket(AF_UNIX, SOCK_DGRAM, 0));
  if (!fd) return errno;
  if (sendto(fd.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&address), size) < 0) return errno;
  return 0;
}

}  // namespace uwsgiref::net
