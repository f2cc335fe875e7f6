#include "addon/sockets.h"

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "net/datagram.h"
#include "net/peer_address.h"
#include "net/scoreboard.h"

namespace uwsgiref::addon {
namespace {

void destroy_socket(void* data) { delete static_cast<net::ListeningSocket*>(data); }

napi_value close_socket(napi_env env, napi_callback_info info) {
  CallArguments(env, info).data<net::ListeningSocket>().close();
  return nullptr;
}

napi_value abandon_socket(napi_env env, napi_callback_info info) {
  auto& socket = CallArguments(env, info).data<net::ListeningSocket>();
  socket.keep_file();
  socket.close();
  return nullptr;
}

/// bindSocket(options) → { fd, address, close(), abandon() }: a listening socket at which nobody accepts yet. It stays
/// open until it is closed, or the environment ends. Throws an error whose `code` is that of the failed system call.
napi_value bind_socket(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  auto socket = std::make_unique<net::ListeningSocket>();
  int error_number = open_socket({env, arguments[0]}, *socket);
  if (error_number != 0) return throw_system_error(env, error_number);
  napi_value result = nullptr;
  napi_create_object(env, &result);
  set(env, result, "fd", small_number(env, socket->fd()));
  set(env, result, "address", address_of(env, *socket));
  set_functions(env, result, std::array{Function{"close", close_socket}, Function{"abandon", abandon_socket}},
                socket.get());
  napi_add_env_cleanup_hook(env, destroy_socket, socket.release());
  return result;
}

void destroy_scoreboard(void* data) { delete static_cast<net::Scoreboard*>(data); }

napi_value clear_place(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  arguments.data<net::Scoreboard>().clear(arguments.number(0));
  return nullptr;
}

/// createScoreboard() → { fd, places, clear(place) }: memory that others join by its descriptor, each at a place of its
/// own. Throws an error whose `code` is that of the failed system call.
napi_value create_scoreboard(napi_env env, napi_callback_info) {
  auto scoreboard = std::make_unique<net::Scoreboard>();
  int fd = -1;
  int error_number = scoreboard->create(fd);
  if (error_number != 0) return throw_system_error(env, error_number);
  napi_value result = nullptr;
  napi_create_object(env, &result);
  set(env, result, "fd", small_number(env, fd));
  set(env, result, "places", number(env, net::Scoreboard::kPlaces));
  set_functions(env, result, std::array{Function{"clear", clear_place}}, scoreboard.get());
  napi_add_env_cleanup_hook(env, destroy_scoreboard, scoreboard.release());
  return result;
}

/// sendDatagram(path, text): to a Unix socket of systemd's kind; a path that begins with '@' is of Linux' abstract
/// namespace. Throws an error whose `code` is that of the failed system call.
napi_value send_datagram(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  int error_number = net::send_datagram(arguments.text(0), arguments.text(1));
  return error_number == 0 ? nullptr : throw_system_error(env, error_number);
}

constexpr std::array kFunctions = std::to_array<Function>({
    {"bindSocket", bind_socket},
    {"createScoreboard", create_scoreboard},
    {"sendDatagram", send_datagram},
});

}  // namespace

int open_socket(const OptionsReader& options, net::ListeningSocket& socket) {
  uint32_t fd = UINT32_MAX;
  options.read("fd", fd);
  if (fd != UINT32_MAX) return socket.take_over(static_cast<int>(fd));
  net::ListenOptions how;
  uint32_t backlog = static_cast<uint32_t>(how.backlog);
  options.read("backlog", backlog);
  how.backlog = static_cast<int>(backlog);
  uint32_t mode = how.mode;
  options.read("mode", mode);
  how.mode = static_cast<mode_t>(mode);
  std::string path;
  options.read("path", path);
  if (!path.empty()) return socket.open_unix(path, how);
  std::string host;
  uint32_t port = 0;
  options.read("host", host);
  options.read("port", port);
  return socket.open_tcp(host, static_cast<uint16_t>(port), how);
}

napi_value address_of(napi_env env, const net::ListeningSocket& socket) noexcept {
  napi_value result = nullptr;
  napi_create_object(env, &result);
  if (socket.is_unix()) {
    napi_value path = nullptr;
    napi_create_string_utf8(env, socket.path().data(), socket.path().size(), &path);
    set(env, result, "path", path);
    return result;
  }
  char host[net::PeerAddress::kMaxText];
  set(env, result, "host", latin1(env, {host, socket.address().write_text(host)}));
  set(env, result, "port", small_number(env, socket.address().port()));
  return result;
}

std::span<const Function> socket_functions() noexcept { return kFunctions; }

}  // namespace uwsgiref::addon
