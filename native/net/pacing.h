#pragma once

#include <cstdint>

namespace uwsgiref::net {

/// Has the kernel send so many bytes a second at most at a socket of TCP; 0: as fast as the client takes it. Linux
/// does, whatever its queueing discipline; elsewhere, and at a Unix socket, nothing comes of it.
void set_pace(int socket, uint32_t bytes_a_second) noexcept;

}  // namespace uwsgiref::net
