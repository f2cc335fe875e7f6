#include "net/socket_poll.h"

#include <uv.h>

#include <utility>

namespace uwsgiref::net {

SocketPoll::~SocketPoll() { close(); }

int SocketPoll::open(uv_loop_s* loop, int fd, Callback callback, void* owner) noexcept {
  auto* poll = new uv_poll_t;
  if (int error = uv_poll_init(loop, poll, fd); error != 0) {
    delete poll;
    return -error;
  }
  poll->data = this;
  poll_ = poll;
  callback_ = callback;
  owner_ = owner;
  resume();
  return 0;
}

void SocketPoll::start(int events) noexcept {
  if (!poll_) return;
  uv_poll_start(poll_, events, [](uv_poll_t* poll, int status, int happened) {
    const auto& self = *static_cast<SocketPoll*>(poll->data);
    bool readable = status == 0 && (happened & UV_READABLE) != 0;
    // What is neither would be reported for ever.
    if (!readable) uv_poll_stop(poll);
    self.callback_(self.owner_, readable);
  });
}

// A stopped handle would let a process end that has nothing else to do; and there is no urgent data at a listening
// socket.
void SocketPoll::pause() noexcept { start(UV_PRIORITIZED); }

void SocketPoll::resume() noexcept { start(UV_READABLE); }

void SocketPoll::close() noexcept {
  if (!poll_) return;
  auto free = [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); };
  uv_close(reinterpret_cast<uv_handle_t*>(std::exchange(poll_, nullptr)), free);
}

}  // namespace uwsgiref::net
