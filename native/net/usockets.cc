#include "net/usockets.h"

#include <dlfcn.h>

#include <type_traits>

namespace uwsgiref::net {

namespace {

// std::string extractX509PemCertificate(SSL*), by its mangled name, which also says whose std::string it is.
#ifdef _LIBCPP_VERSION
constexpr const char* kClientCertificate = "_Z25extractX509PemCertificateP6ssl_st";
#elif _GLIBCXX_USE_CXX11_ABI
constexpr const char* kClientCertificate = "_Z25extractX509PemCertificateB5cxx11P6ssl_st";
#else
constexpr const char* kClientCertificate = "";
#endif

USockets loaded;
bool complete = false;

}  // namespace

const USockets& usockets() noexcept { return loaded; }

bool load_usockets(const char* path, std::string& error) {
  if (complete) return true;
  void* library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
  if (!library) {
    error = dlerror();
    return false;
  }
  auto find = [&](auto& function, const char* name) {
    void* symbol = dlsym(library, name);
    if (!symbol && error.empty()) error = std::string("the library does not export ") + name;
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(symbol);
  };
  find(loaded.create_loop, "us_create_loop");
  find(loaded.loop_free, "us_loop_free");
  find(loaded.wakeup_loop, "us_wakeup_loop");
  find(loaded.loop_ext, "us_loop_ext");
  find(loaded.create_timer, "us_create_timer");
  find(loaded.timer_ext, "us_timer_ext");
  find(loaded.timer_set, "us_timer_set");
  find(loaded.timer_close, "us_timer_close");
  find(loaded.create_socket_context, "us_create_socket_context");
  find(loaded.context_free, "us_socket_context_free");
  find(loaded.context_ext, "us_socket_context_ext");
  find(loaded.on_open, "us_socket_context_on_open");
  find(loaded.on_close, "us_socket_context_on_close");
  find(loaded.on_data, "us_socket_context_on_data");
  find(loaded.on_writable, "us_socket_context_on_writable");
  find(loaded.on_timeout, "us_socket_context_on_timeout");
  find(loaded.on_long_timeout, "us_socket_context_on_long_timeout");
  find(loaded.on_end, "us_socket_context_on_end");
  find(loaded.add_server_name, "us_socket_context_add_server_name");
  find(loaded.adopt_accepted_socket, "us_adopt_accepted_socket");
  find(loaded.socket_context, "us_socket_context");
  find(loaded.socket_ext, "us_socket_ext");
  find(loaded.write, "us_socket_write");
  find(loaded.write2, "us_socket_write2");
  find(loaded.shutdown, "us_socket_shutdown");
  find(loaded.close, "us_socket_close");
  find(loaded.native_handle, "us_socket_get_native_handle");
  find(loaded.poll_fd, "us_poll_fd");
  find(loaded.poll_events, "us_poll_events");
  find(loaded.poll_change, "us_poll_change");
  loaded.client_certificate = reinterpret_cast<decltype(loaded.client_certificate)>(dlsym(library, kClientCertificate));
  complete = error.empty();
  return complete;
}

}  // namespace uwsgiref::net
