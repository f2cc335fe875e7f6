#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "fuzz/oracle.h"
#include "net/settings.h"

namespace uwsgiref::test {

template <typename Choice, size_t count>
Choice choose(const std::array<Choice, count>& choices, uint8_t character) {
  return choices[(character - '0') % count];
}

/// How the connections that are left come to their end.
enum class Ending : uint8_t { kClients, kTime, kDrain, kClose, kDestruction };

/// What is settled before anybody connects.
struct Setup {
  net::Settings settings;
  bool secure = false;     ///< the listener's connections are TLS
  bool inherited = false;  ///< the listening socket was somebody else's before
  Ending ending = Ending::kClients;
};

/// Takes what the first characters of an input choose:
///
///   0  requests at a time                   1  bytes queued                  2  size of a body
///   3  times                                4  requests a connection         5  reports, an inherited socket
///   6  limits to heads, small files         7  limits to connections         8  the ending
///   9  0 plain, 1 TLS, which asks for client certificates 2 or wants them 3; 4 plain and 5 TLS, where PROXY headers
///      come from the addresses that are digits
Setup take_setup(FuzzInput& input);

}  // namespace uwsgiref::test
