#include "net/event_loop.h"

#include <cerrno>

#include "net/connection.h"
#include "net/listener.h"

namespace uwsgiref::net {
namespace {

constexpr int kSweepInterval = 250;  // milliseconds; the grain of every timeout
// Connections whose time is up that are ended in one go, and milliseconds until the next: a crowd whose time is up at
// once would keep the others waiting.
constexpr size_t kEndedAtOnce = 256;
constexpr int kNextPortion = 5;
constexpr size_t kBufferSize = 64 * 1024;
constexpr size_t kKeptBuffers = 4;

constexpr int64_t kReportInterval = 60'000;  // milliseconds between two reports of the same want

// The extension memory of uSockets' loop and timer holds one pointer: to the EventLoop.
EventLoop*& owner(void* extension) { return *static_cast<EventLoop**>(extension); }

}  // namespace

EventLoop::EventLoop(void* uv_loop, Gateway& gateway, size_t body_memory)
    : gateway_(gateway), uv_loop_(static_cast<uv_loop_s*>(uv_loop)), body_memory_(body_memory) {
  auto woken = [](us_loop_t* loop) { owner(usockets().loop_ext(loop))->page_loader().deliver(); };
  auto before_poll = [](us_loop_t* loop) { owner(usockets().loop_ext(loop))->before_poll(); };
  auto after_poll = [](us_loop_t* loop) { owner(usockets().loop_ext(loop))->after_poll(); };
  loop_ = usockets().create_loop(uv_loop, woken, before_poll, after_poll, sizeof(EventLoop*));
  owner(usockets().loop_ext(loop_)) = this;
  page_loader_ = std::make_unique<PageLoader>(loop_);
  constexpr int kDoesNotKeepTheProcess = 1;
  sweep_timer_ = usockets().create_timer(loop_, kDoesNotKeepTheProcess, sizeof(EventLoop*));
  owner(usockets().timer_ext(sweep_timer_)) = this;
}

EventLoop::~EventLoop() {
  // Its threads wake the loop up.
  page_loader_.reset();
  usockets().timer_close(sweep_timer_);
  free_retired();
  usockets().loop_free(loop_);
}

int64_t EventLoop::now() noexcept {
#ifdef CLOCK_MONOTONIC_COARSE
  constexpr clockid_t kClock = CLOCK_MONOTONIC_COARSE;
#else
  constexpr clockid_t kClock = CLOCK_MONOTONIC;
#endif
  timespec time;
  clock_gettime(kClock, &time);
  return int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

int64_t EventLoop::microseconds() noexcept {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000;
}

std::string_view EventLoop::date() noexcept {
  std::time_t second = std::time(nullptr);
  if (second != date_second_) {
    date_second_ = second;
    http::format_http_date(second, date_);
  }
  return {date_, sizeof date_};
}

Gateway& EventLoop::gateway() noexcept {
  if (in_event_ && !calls_open_) {
    calls_open_ = true;
    gateway_.begin_calls();
  }
  return gateway_;
}

void EventLoop::finish_calls() noexcept {
  // What is answered, or found gone, may let further requests in.
  do {
    const bool open = std::exchange(calls_open_, false);
    // What the gateway runs now is on the language's own stack, and its calls into the engine need no enclosing.
    if (open) gateway_.end_calls();
    in_event_ = true;
    if (open) {
      given_at_ = microseconds();
      gateway_.give_answers();
      given_at_ = 0;
    }
    send_held_back();
    in_event_ = false;
  } while (calls_open_);
}

void EventLoop::send_held_back() noexcept {
  while (Connection* connection = sender_.last()) connection->send_held_back();
}

std::unique_ptr<http::ByteBuffer> EventLoop::take_buffer() {
  if (buffers_.empty()) {
    auto buffer = std::make_unique<http::ByteBuffer>();
    buffer->reserve(kBufferSize);
    return buffer;
  }
  auto buffer = std::move(buffers_.back());
  buffers_.pop_back();
  return buffer;
}

void EventLoop::give_back(std::unique_ptr<http::ByteBuffer> buffer) noexcept {
  if (buffers_.size() == kKeptBuffers || buffer->capacity() > 2 * kBufferSize) return;
  buffer->clear();
  buffers_.push_back(std::move(buffer));
}

uint32_t EventLoop::enter(Connection& connection) {
  counters_.connections++;
  if (may_rest()) run_sweep(kSweepInterval);
  uint32_t slot = deadlines_.add(&connection);
  note_connections();
  return slot;
}

void EventLoop::leave(uint32_t deadline_slot) noexcept {
  deadlines_.remove(deadline_slot);
  note_connections();
  rest();
}

void EventLoop::enter_proxied() noexcept {
  if (may_rest()) run_sweep(kSweepInterval);
  proxied_++;
}

void EventLoop::leave_proxied() noexcept {
  proxied_--;
  rest();
}

void EventLoop::rest() noexcept {
  if (may_rest()) usockets().timer_set(sweep_timer_, nullptr, 0, 0);
}

void EventLoop::run_sweep(int first) noexcept {
  auto on_tick = [](us_timer_t* timer) { owner(usockets().timer_ext(timer))->sweep(); };
  usockets().timer_set(sweep_timer_, on_tick, first, kSweepInterval);
}

void EventLoop::leave(Listener& listener) noexcept { std::erase(listeners_, &listener); }

bool EventLoop::spares(int fd) noexcept {
  if (!reserve_.reached_by(fd)) return true;
  stop_accepting(EMFILE);
  return false;
}

void EventLoop::stop_accepting(int error_number) noexcept {
  if (scarce_) return;
  scarce_ = true;
  run_sweep(kSweepInterval);
  for (Listener* listener : listeners_) listener->accept(false);
  if (scarcity_reported_ != 0 && now() - scarcity_reported_ < kReportInterval) return;
  scarcity_reported_ = now();
  if (listeners_.empty()) return;
  bool descriptors = error_number == EMFILE || error_number == ENFILE;
  gateway().on_notice(*listeners_.front(), descriptors ? Notice::kOutOfDescriptors : Notice::kCannotAccept,
                      descriptors ? 0 : error_number);
}

void EventLoop::accept_again() noexcept {
  scarce_ = false;
  for (Listener* listener : listeners_) listener->accept(true);
  rest();
}

void EventLoop::forget_rearm(Connection& connection) noexcept { std::erase(rearm_, &connection); }

void EventLoop::forget_resume(Connection& connection) noexcept { std::erase(yielded_, &connection); }

void EventLoop::before_poll() noexcept {
  finish_calls();
  polling_ = true;
  share_.renew();
  // Who yields again is for the next time round.
  for (size_t left = yielded_.size(); left > 0 && !yielded_.empty() && share_.left(); left--) {
    Connection* connection = yielded_.front();
    yielded_.pop_front();
    connection->resume();
  }
  // There is work left, which the poll must not wait with.
  if (calls_open_ || !yielded_.empty()) usockets().wakeup_loop(loop_);
}

void EventLoop::after_poll() noexcept {
  polling_ = false;
  finish_calls();
  for (Connection* connection : rearm_) connection->rearm();
  rearm_.clear();
  free_retired();
}

void EventLoop::free_retired() noexcept {
  for (auto [secure, context] : retired_) usockets().context_free(secure, context);
  retired_.clear();
}

void EventLoop::sweep() noexcept {
  Event event(*this);
  bool more = deadlines_.sweep(now(), kEndedAtOnce, [](Connection& connection) { connection.on_deadline(); });
  // A listener may go behind the last of its sockets.
  for (size_t at = 0; at < listeners_.size(); at++) more |= listeners_[at]->proxied().end_late(now(), kEndedAtOnce);
  if (more) run_sweep(kNextPortion);
  if (scarce_ && !reserve_.reached()) accept_again();
}

}  // namespace uwsgiref::net
