#include "net/background_sender.h"

#include <signal.h>
#include <sys/socket.h>

#include <utility>

namespace uwsgiref::net {
namespace {

#ifdef MSG_NOSIGNAL
constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
#else
constexpr int kFlags = MSG_DONTWAIT;  // uSockets has set SO_NOSIGPIPE
#endif

}  // namespace

BackgroundSender::~BackgroundSender() {
  if (state_ != Thread::kRunning) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  pthread_join(thread_, nullptr);
}

bool BackgroundSender::run() noexcept {
  if (state_ != Thread::kNone) return state_ == Thread::kRunning;
  auto body = [](void* sender) -> void* {
    static_cast<BackgroundSender*>(sender)->send_until_stopped();
    return nullptr;
  };
  // Signals are for Node's own threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool running = pthread_create(&thread_, nullptr, body, this) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  state_ = running ? Thread::kRunning : Thread::kImpossible;
  return running;
}

bool BackgroundSender::hold(Connection& owner, int fd, std::unique_ptr<http::ByteBuffer>& output,
                            uint32_t& place) noexcept {
  if (held_.size() == kMost || !run()) return false;
  place = static_cast<uint32_t>(held_.size());
  bool wake;
  {
    std::lock_guard lock(mutex_);
    held_.push_back({&owner, &place, fd, 0, std::move(output)});
    used_ = true;
    wake = std::exchange(asleep_, false);
  }
  if (wake) wake_.notify_one();
  return true;
}

std::unique_ptr<http::ByteBuffer> BackgroundSender::take_back(uint32_t& place, uint64_t& sent) noexcept {
  std::lock_guard lock(mutex_);
  Held taken = std::move(held_[place]);
  if (place + 1 < held_.size()) {
    held_[place] = std::move(held_.back());
    *held_[place].place = place;
  }
  held_.pop_back();
  place = kNoPlace;
  sent = taken.sent;
  return std::move(taken.output);
}

bool BackgroundSender::send() noexcept {
  bool left = false;
  // The loop's thread waits for no more than one of them.
  for (size_t place = 0;; place++) {
    std::lock_guard lock(mutex_);
    if (place >= held_.size()) return left;
    Held& held = held_[place];
    if (held.output->empty()) continue;
    ssize_t count = ::send(held.fd, held.output->view().data(), held.output->size(), kFlags);
    if (count > 0) {
      held.output->consume(static_cast<size_t>(count));
      held.sent += static_cast<uint64_t>(count);
    }
    left |= !held.output->empty();
  }
}

void BackgroundSender::send_until_stopped() noexcept {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (std::exchange(used_, false)) {
      wake_.wait_for(lock, kDelay, [this] { return stopping_; });
      lock.unlock();
      bool left = send();
      lock.lock();
      used_ |= left;
    } else {
      asleep_ = true;
      wake_.wait(lock, [this] { return !asleep_ || stopping_; });
    }
  }
}

}  // namespace uwsgiref::net
