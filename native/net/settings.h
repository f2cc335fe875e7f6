#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "http/request_parser.h"

namespace uwsgiref::net {

/// What a listener demands of its connections. Times are in milliseconds; 0 switches a timeout off.
struct Settings {
  http::HeadLimits head;
  uint64_t max_body_size = uint64_t{1} << 30;
  uint32_t max_connections = 50'000;
  uint32_t max_pipelined = 16;           ///< requests of one connection that run at the same time
  uint32_t headers_timeout = 30'000;     ///< from a connection's opening or a head's first byte to the head's last
  uint32_t body_timeout = 30'000;        ///< between two pieces of a request body
  uint32_t send_timeout = 30'000;        ///< without any progress of the answer
  uint32_t keep_alive_timeout = 75'000;  ///< idle between two requests
  std::string server;                    ///< the Server field's default; empty: none
};

/// A request body up to this size stays in memory; a larger one goes to an unlinked temporary file. Bytes.
inline constexpr size_t kBodyInMemory = 512 * 1024;

/// An exchange takes no more of its body while this many bytes wait on the connection.
inline constexpr size_t kHighWater = 64 * 1024;

/// A whole body up to this size is taken whether there is room or not: an exchange has only one.
inline constexpr size_t kSmallBody = 16 * 1024;

/// The most that one write hands to the kernel before it asks again, so that one piece never copies more.
inline constexpr size_t kWriteSlice = 256 * 1024;

/// How long a connection that refused a request reads on, so that the client gets to read why. Milliseconds.
inline constexpr uint32_t kLingerTimeout = 2'000;

}  // namespace uwsgiref::net
