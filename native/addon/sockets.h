#pragma once

#include <span>

#include "addon/call_arguments.h"
#include "addon/values.h"
#include "net/listening_socket.h"

namespace uwsgiref::addon {

/// Opens the socket that the options tell of, or takes it over. Answers 0 or an errno.
int open_socket(const OptionsReader& options, net::ListeningSocket& socket);

/// { path } or { host, port }, where the socket is bound.
napi_value address_of(napi_env env, const net::ListeningSocket& socket) noexcept;

/// The functions of the addon for processes that share sockets; src/server/native-addon.ts describes them to
/// TypeScript.
std::span<const Function> socket_functions() noexcept;

}  // namespace uwsgiref::addon
