#pragma once

#include <string_view>

namespace uwsgiref::net {

/// Sends one datagram to a Unix socket, as sd_notify(3) does. A path that begins with '@' is of Linux' abstract
/// namespace (unix(7)). Answers 0 or an errno.
int send_datagram(std::string_view path, std::string_view text) noexcept;

}  // namespace uwsgiref::net
