#pragma once

#include <cstdint>
#include <ctime>
#include <deque>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "http/byte_buffer.h"
#include "http/http_date.h"
#include "net/background_sender.h"
#include "net/body_memory.h"
#include "net/deadlines.h"
#include "net/descriptor_reserve.h"
#include "net/exchange.h"
#include "net/fair_share.h"
#include "net/gateway.h"
#include "net/page_loader.h"
#include "net/scoreboard.h"
#include "net/settings.h"
#include "net/usockets.h"

struct uv_loop_s;

namespace uwsgiref::net {

/// Counters since the start, for tests and operators.
struct Counters {
  uint64_t connections = 0;     ///< accepted
  uint64_t dropped = 0;         ///< closed at once, for a limit
  uint64_t requests = 0;        ///< handed to the gateway
  uint64_t refused = 0;         ///< requests that never reached it, because of an error
  uint64_t sendfile_bytes = 0;  ///< that left by sendfile(2)
  uint64_t cold_reads = 0;      ///< that threads made, because a file was not in the page cache
};

class Listener;

/// uSockets' loop on top of Node's own, with what all its connections share. All state of the engine hangs off it.
class EventLoop {
 public:
  /// `uv_loop` is Node's loop; `gateway` answers the requests and outlives the event loop; `body_memory` is what their
  /// bodies may hold of memory together, in bytes.
  EventLoop(void* uv_loop, Gateway& gateway, size_t body_memory = kBodyMemory);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  us_loop_t* handle() const noexcept { return loop_; }
  uv_loop_s* uv_loop() const noexcept { return uv_loop_; }
  Deadlines& deadlines() noexcept { return deadlines_; }
  ExchangeTable& exchanges() noexcept { return exchanges_; }
  Counters& counters() noexcept { return counters_; }
  CommonShare& share() noexcept { return share_; }
  /// Of the processes that accept at the same sockets; nobody's before it is joined.
  Scoreboard& scoreboard() noexcept { return scoreboard_; }
  void note_connections() noexcept { scoreboard_.note(static_cast<uint32_t>(deadlines_.count())); }
  BodyMemory& body_memory() noexcept { return body_memory_; }
  PageLoader& page_loader() noexcept { return *page_loader_; }

  /// Milliseconds on a monotonic clock of a few milliseconds' grain.
  static int64_t now() noexcept;
  /// Microseconds on a monotonic clock.
  static int64_t microseconds() noexcept;
  /// The same, but one time for all answers that a gateway gives together: the clock costs more than a small answer
  /// may.
  int64_t answer_time() const noexcept { return given_at_ != 0 ? given_at_ : microseconds(); }

  /// The Date field's value, formatted once a second (RFC 9110 §6.6.1).
  std::string_view date() noexcept;

  /// The gateway, with its calls enclosed when the engine itself was called by the event loop.
  Gateway& gateway() noexcept;

  /// Marks the engine's frame of one event. The gateway's calls that it causes are enclosed together with those of all
  /// other events of the same poll phase, so that requests which arrive at the same time reach a language together.
  class Event {
   public:
    explicit Event(EventLoop& loop) noexcept : loop_(loop), outermost_(!loop.in_event_) { loop_.in_event_ = true; }
    ~Event() {
      if (!outermost_) return;
      // Before the next one uSockets may close any socket by itself.
      if (loop_.polling_) loop_.send_held_back();
      loop_.in_event_ = false;
      // Outside of the poll phase nobody else will: a timer of ours, or a close that a language asked for.
      if (!loop_.polling_) loop_.finish_calls();
    }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

   private:
    EventLoop& loop_;
    const bool outermost_;
  };

  /// A write buffer for the length of one turn.
  std::unique_ptr<http::ByteBuffer> take_buffer();
  void give_back(std::unique_ptr<http::ByteBuffer> buffer) noexcept;

  /// Whether the sender may have output until the calls that are under way are over.
  bool may_hold_back() const noexcept {
    // A socket that uSockets may close by itself cannot be another thread's to write to.
    return !polling_ || in_event_;
  }
  BackgroundSender& sender() noexcept { return sender_; }

  /// Polls the connection for writability again once the loop's poll phase is over: what its on_writable asks for
  /// is undone when that returns.
  void rearm_after_poll(Connection& connection) { rearm_.push_back(&connection); }
  void forget_rearm(Connection& connection) noexcept;

  /// Frees a context of uSockets that has no connection left, as soon as no frame of the poll phase can be using it.
  void retire(bool secure, us_socket_context_t* context) { retired_.push_back({secure, context}); }

  /// Has the connection go on when the others have had their turn, with a new share.
  void resume_later(Connection& connection) { yielded_.push_back(&connection); }
  void forget_resume(Connection& connection) noexcept;

  /// Gives the connection its deadline's slot; the sweep runs while there is any, or a socket that awaits its PROXY
  /// header.
  uint32_t enter(Connection& connection);
  void leave(uint32_t deadline_slot) noexcept;
  void enter_proxied() noexcept;
  void leave_proxied() noexcept;

  void enter(Listener& listener) { listeners_.push_back(&listener); }
  void leave(Listener& listener) noexcept;
  /// Whether a connection may have this descriptor. If not, none is accepted until there are enough again.
  bool spares(int fd) noexcept;
  /// Whether connections are accepted. If not, the sweep sees when they can be again.
  bool accepting() const noexcept { return !scarce_; }
  /// accept(2) says that there are no descriptors, or no memory, or another reason that time may remove.
  void stop_accepting(int error_number) noexcept;

 private:
  void run_sweep(int first) noexcept;
  bool may_rest() const noexcept { return deadlines_.count() == 0 && proxied_ == 0 && !scarce_; }
  void rest() noexcept;
  void accept_again() noexcept;
  void finish_calls() noexcept;
  void send_held_back() noexcept;
  void before_poll() noexcept;
  void after_poll() noexcept;
  void free_retired() noexcept;
  void sweep() noexcept;

  Gateway& gateway_;
  uv_loop_s* uv_loop_;
  us_loop_t* loop_;
  us_timer_t* sweep_timer_;
  std::unique_ptr<PageLoader> page_loader_;
  Deadlines deadlines_;
  BodyMemory body_memory_;
  ExchangeTable exchanges_;
  Counters counters_;
  CommonShare share_;
  Scoreboard scoreboard_;
  std::vector<Connection*> rearm_;
  std::deque<Connection*> yielded_;
  BackgroundSender sender_;
  std::vector<Listener*> listeners_;
  DescriptorReserve reserve_;
  size_t proxied_ = 0;  ///< sockets that await their PROXY header
  int64_t scarcity_reported_ = 0;
  bool scarce_ = false;  ///< descriptors are, or what else a connection needs, and nothing is accepted
  std::vector<std::pair<bool, us_socket_context_t*>> retired_;
  std::vector<std::unique_ptr<http::ByteBuffer>> buffers_;
  bool polling_ = false;  ///< the loop is in its poll phase, and after_poll() will come
  bool in_event_ = false;
  bool calls_open_ = false;
  int64_t given_at_ = 0;  ///< while answers are given together
  std::time_t date_second_ = -1;
  char date_[http::kHttpDateSize];
};

}  // namespace uwsgiref::net
