#pragma once

#include <cstdint>

#include "net/peer_address.h"

namespace uwsgiref::net {

/// What is known of a socket that becomes a connection.
struct Accepted {
  PeerAddress peer;
  bool from_trusted_proxy;   ///< whoever speaks first is one
  bool awaits_proxy_header;  ///< and begins with such a header
  int64_t since;             ///< milliseconds on the loop's clock
};

}  // namespace uwsgiref::net
