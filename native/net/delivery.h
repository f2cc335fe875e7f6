#pragma once

#include <cstdint>

namespace uwsgiref::net {

/// Bytes that have reached the other end of a socket, where the kernel has taken `taken` of them. The difference of two
/// answers is what counts: of TLS these are the bytes that it makes of ours.
///
/// What the kernel takes tells little of a client that reads slowly: buffers of megabytes fill at once, and are filled
/// again only when a third is free; and TLS counts a piece when all of it is gone.
uint64_t delivered(int fd, uint64_t taken) noexcept;

}  // namespace uwsgiref::net
