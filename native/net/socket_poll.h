#pragma once

struct uv_loop_s;
struct uv_poll_s;

namespace uwsgiref::net {

/// Watches a socket that is not uSockets' on Node's loop, in the same poll phase as uSockets its connections: one that
/// listens, or one whose connection has not begun. It stays with its owner, who may close it as soon as this is closed.
class SocketPoll {
 public:
  /// `readable` false: the system says that the socket is of no use any more, and it is not watched from now on.
  using Callback = void (*)(void* owner, bool readable);

  SocketPoll() = default;
  ~SocketPoll();
  SocketPoll(const SocketPoll&) = delete;
  SocketPoll& operator=(const SocketPoll&) = delete;

  /// Begins to watch. Answers 0 or an errno: EEXIST where the loop watches the descriptor already.
  int open(uv_loop_s* loop, int fd, Callback callback, void* owner) noexcept;
  bool is_open() const noexcept { return poll_ != nullptr; }
  /// Whether the callback hears of connections that wait. A paused poll keeps the process alive all the same.
  void pause() noexcept;
  void resume() noexcept;
  void close() noexcept;

 private:
  void start(int events) noexcept;

  uv_poll_s* poll_ = nullptr;  ///< libuv's until its close is through
  Callback callback_ = nullptr;
  void* owner_ = nullptr;
};

}  // namespace uwsgiref::net
