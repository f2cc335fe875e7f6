#pragma once

#include <string>

// uSockets' own opaque types (libusockets.h).
struct us_loop_t;
struct us_poll_t;
struct us_timer_t;
struct us_socket_t;
struct us_socket_context_t;

/// Passed by value to us_create_socket_context; the layout is uSockets'.
struct us_socket_context_options_t {
  const char* key_file_name;
  const char* cert_file_name;
  const char* passphrase;
  const char* dh_params_file_name;
  const char* ca_file_name;
  const char* ssl_ciphers;
  int ssl_prefer_low_memory_usage;
};

namespace uwsgiref::net {

/// Poll events of us_poll_change.
inline constexpr int kReadable = 1;
inline constexpr int kWritable = 2;

/// uSockets' C API as the uWebSockets.js binary exports it. The binary is opened as a plain shared library: its V8 half
/// is never initialised, so that one file serves every version of Node.
struct USockets {
  us_loop_t* (*create_loop)(void* hint, void (*wakeup)(us_loop_t*), void (*pre)(us_loop_t*), void (*post)(us_loop_t*),
                            unsigned ext_size);
  void (*loop_free)(us_loop_t*);
  void (*wakeup_loop)(us_loop_t*);
  void* (*loop_ext)(us_loop_t*);

  us_timer_t* (*create_timer)(us_loop_t*, int fallthrough, unsigned ext_size);
  void* (*timer_ext)(us_timer_t*);
  void (*timer_set)(us_timer_t*, void (*callback)(us_timer_t*), int ms, int repeat_ms);
  void (*timer_close)(us_timer_t*);

  us_socket_context_t* (*create_socket_context)(int ssl, us_loop_t*, int ext_size, us_socket_context_options_t);
  void (*context_free)(int ssl, us_socket_context_t*);
  void* (*context_ext)(int ssl, us_socket_context_t*);
  void (*on_open)(int ssl, us_socket_context_t*,
                  us_socket_t* (*)(us_socket_t*, int is_client, char* ip, int ip_length));
  void (*on_close)(int ssl, us_socket_context_t*, us_socket_t* (*)(us_socket_t*, int code, void* reason));
  void (*on_data)(int ssl, us_socket_context_t*, us_socket_t* (*)(us_socket_t*, char* data, int length));
  void (*on_writable)(int ssl, us_socket_context_t*, us_socket_t* (*)(us_socket_t*));
  void (*on_timeout)(int ssl, us_socket_context_t*, us_socket_t* (*)(us_socket_t*));
  void (*on_long_timeout)(int ssl, us_socket_context_t*, us_socket_t* (*)(us_socket_t*));
  void (*on_end)(int ssl, us_socket_context_t*, us_socket_t* (*)(us_socket_t*));

  void (*add_server_name)(int ssl, us_socket_context_t*, const char* pattern, us_socket_context_options_t, void* user);

  us_socket_t* (*adopt_accepted_socket)(int ssl, us_socket_context_t*, int fd, unsigned ext_size, char* ip,
                                        int ip_length);

  us_socket_context_t* (*socket_context)(int ssl, us_socket_t*);
  void* (*socket_ext)(int ssl, us_socket_t*);
  int (*write)(int ssl, us_socket_t*, const char* data, int length, int msg_more);
  /// By one call, of a plain socket alone. That it fell short is not noted, as it is for write().
  int (*write2)(int ssl, us_socket_t*, const char* header, int header_length, const char* payload, int payload_length);
  void (*shutdown)(int ssl, us_socket_t*);
  us_socket_t* (*close)(int ssl, us_socket_t*, int code, void* reason);
  /// The BoringSSL object of a TLS socket. No library but the binary's own may touch it.
  void* (*native_handle)(int ssl, us_socket_t*);

  int (*poll_fd)(us_poll_t*);
  int (*poll_events)(us_poll_t*);
  void (*poll_change)(us_poll_t*, us_loop_t*, int events);

  /// The peer's certificate as PEM, by a native_handle(); empty where it has shown none. Not of uSockets but of
  /// uWebSockets.js, and C++: nullptr where the binary does not export it, or was built for another standard library
  /// than this, whose strings have another form.
  std::string (*client_certificate)(void* native_handle);
};

/// Opens the uWebSockets.js binary at `path` and looks every function up. Answers false, with the reason in `error`,
/// where the file cannot be loaded or lacks one of them. The library stays loaded for the life of the process, and so
/// does the first table that was complete: a later call answers true and changes nothing.
bool load_usockets(const char* path, std::string& error);

/// The functions that load_usockets() found. uSockets' callbacks carry no pointer of ours, so that the table has to be
/// reachable from anywhere; it never changes once it is loaded.
const USockets& usockets() noexcept;

}  // namespace uwsgiref::net
