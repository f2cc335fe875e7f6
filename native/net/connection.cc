#include "net/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "net/delivery.h"
#include "net/listener.h"
#include "net/pacing.h"

namespace uwsgiref::net {
namespace {

// A piece up to this size is copied behind what stands before it. A larger one leaves from where it is; but TLS copies
// it anyway.
constexpr size_t kCopyLimit = 16 * 1024;

}  // namespace

Connection::Connection(us_socket_t* socket, Listener& listener, const Accepted& accepted)
    : socket_(socket), listener_(listener), accepted_(accepted), secure_(listener.secure()) {
  deadline_slot_ = loop().enter(*this);
  await(Wait::kHead, accepted.since);
}

Connection::~Connection() {
  take_back();
  if (rearm_queued_) loop().forget_rearm(*this);
  if (yielded_) loop().forget_resume(*this);
  loop().leave(deadline_slot_);
  drop_exchanges(Gone::kClient);
}

EventLoop& Connection::loop() const noexcept { return listener_.loop(); }
const Settings& Connection::settings() const noexcept { return listener_.settings(); }

int Connection::fd() const noexcept { return usockets().poll_fd(reinterpret_cast<us_poll_t*>(socket_)); }

void Connection::notice(Notice notice, int error_number) noexcept {
  loop().gateway().on_notice(listener_, notice, error_number);
}

// --- Events ----------------------------------------------------------------------------------------------------------

void Connection::on_data(std::string_view bytes) noexcept {
  EventLoop::Event event(loop());
  Turn turn(*this);
  received_ += bytes.size();
  if (!reading_over_) take_input(bytes);
}

void Connection::on_writable() noexcept {
  EventLoop::Event event(loop());
  Turn turn(*this);
  in_writable_ = true;
  wants_writable_ = false;
  if (!output_.empty()) output_.consume(write_now(output_.view(), false));
  if (output_.empty()) output_.release();
  changed_ = true;
}

void Connection::on_half_close() noexcept {
  EventLoop::Event event(loop());
  Turn turn(*this);
  half_closed_ = true;
  linger_ = false;
  changed_ = true;
}

void Connection::on_deadline() noexcept {
  Turn turn(*this);
  bool for_request = waiting_.kind == Wait::kIdle || (waiting_.kind == Wait::kHead && input_.empty());
  if (for_request && unread()) {
    // It has come in time, and it is the loop that is late. To close now would lose it (RFC 9112 §9.3.1).
    loop().deadlines().set(deadline_slot_, EventLoop::now());
    return;
  }
  if (waiting_.kind == Wait::kSend) {
    int64_t now = EventLoop::now();
    if (waiting_.look_at_delivery(settings(), pace_, delivered(fd(), taken_), now)) return set_deadline(now);
  }
  Wait over = std::exchange(waiting_.kind, Wait::kNothing);
  if (over == Wait::kHead && !input_.empty()) {
    refuse(http::RequestError::kHeadTimeout, input_.view(),
           partial_ ? partial_->parser.request_line() : http::RequestLine{});
  } else if (over == Wait::kBody) {
    refuse(http::RequestError::kBodyTimeout, collecting_->held_->head, collecting_->held_->line);
  } else if (over == Wait::kAnswer) {
    bool head_request = first_->head_request_;
    drop_exchanges(Gone::kTimedOut);
    end_with("504 Gateway Timeout", "The application did not answer in time.", head_request);
  } else {
    closing_ = true;
  }
}

bool Connection::idle() const noexcept { return !first_ && !collecting_ && input_.empty() && output_.empty(); }

void Connection::close() noexcept {
  Turn turn(*this);
  closing_ = true;
}

void Connection::hurry() noexcept {
  if (!idle()) return;
  if (waiting_.kind == Wait::kLinger) return set_deadline(EventLoop::now());
  if (listener_.drain_idle() == 0) return close();
  await(Wait::kIdle, EventLoop::now());
}

// --- Turns -----------------------------------------------------------------------------------------------------------

http::ByteBuffer& Connection::output_of_turn() noexcept {
  take_back();
  if (!turn_output_) turn_output_ = loop().take_buffer();
  return *turn_output_;
}

void Connection::end_turn() noexcept {
  if (turns_ > 1) {
    turns_--;
    return;
  }
  if (held_back_ != BackgroundSender::kNoPlace && closing_) flush(false);
  take_back();
  if (!closing_) settle();
  gathers_ = false;
  bool reset = closing_ && cuts_body();
  if (turn_output_) loop().give_back(std::move(turn_output_));
  in_writable_ = false;
  turns_ = 0;
  if (!closing_) {
    arm_deadline();
    return;
  }
  if (reset) {
    linger discard{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd(), SOL_SOCKET, SO_LINGER, &discard, sizeof discard);
  } else if (secure_ && !first_ && output_.empty()) {
    // RFC 9112 §9.8: a closure alert tells the client that this is the end, and no cut. So an answer that was not
    // finished has none.
    usockets().shutdown(secure_, socket_);
  }
  usockets().close(secure_, socket_, 0, nullptr);  // on_close destroys this
}

bool Connection::cuts_body() const noexcept {
  bool unsent = !output_.empty() || (turn_output_ && !turn_output_->empty());
  if (!first_) return tail_ == Tail::kAborted || (tail_ == Tail::kWhole && unsent);
  if (!first_->started() || first_->framing_.body != http::ResponseFraming::Body::kClose) return false;
  return first_->state_ != Exchange::State::kFinished || unsent || !first_->pending_.empty();
}

void Connection::settle() noexcept {
  do {
    changed_ = false;
    advance_answers();
    if (!input_.empty() && !reading_over_ && may_dispatch()) input_.consume(consume(input_.view()));
    if (reading_over_) partial_.reset();
    if (reading_over_ || input_.empty()) input_.release();
  } while (changed_ && !closing_);
  if (closing_) return;
  if (has_request_to_come() && !share_.allows_request(loop().share())) yield();
  // Nothing will complete what is not complete now; what only waits for its turn is answered yet.
  if (half_closed_ && (input_.empty() || may_dispatch())) {
    reading_over_ = true;
    drop_collecting();
  }
  // The end follows at once, unless the kernel does not take all, and leaves in the packet of the last bytes. Where
  // that end is a reset the kernel would drop what it was told to wait with.
  const bool last = reading_over_ && !first_ && !collecting_;
  if (!hold_back()) flush(last && tail_ != Tail::kAborted);
  if (last && output_.empty()) end_output();
  if (!closing_) update_poll();
}

void Connection::end_output() noexcept {
  if (!linger_ || cuts_body()) {
    closing_ = true;
  } else if (waiting_.kind != Wait::kLinger) {
    // RFC 9112 §9.6: a close while the client still sends would reset the connection, and the client might never see
    // the answer. So only the sending half is closed; what still arrives is read and dropped.
    await(Wait::kLinger, EventLoop::now());
    usockets().shutdown(secure_, socket_);
  }
}

Wait Connection::awaited() const noexcept {
  if (!output_.empty() || wants_writable_) return Wait::kSend;
  if (collecting_) return Wait::kBody;
  if (first_ && first_->file_.loading()) return Wait::kDisk;
  if (first_) return first_->started() ? Wait::kNothing : Wait::kAnswer;
  // A new connection owes a head, though not a byte of it has come; a PROXY header is none.
  return waiting_.kind == Wait::kHead || !input_.empty() ? Wait::kHead : Wait::kIdle;
}

void Connection::arm_deadline() noexcept {
  uint64_t received = std::exchange(received_, 0);
  if (waiting_.kind == Wait::kLinger) {
    if (received > 0) set_deadline(EventLoop::now());
    return;
  }
  Wait wait = awaited();
  if (wait != waiting_.kind) {
    await(wait, EventLoop::now());
  } else if (wait == Wait::kBody && received > 0) {
    waiting_.moved += received;
    set_deadline(EventLoop::now());
  }
}

void Connection::await(Wait wait, int64_t now) noexcept {
  waiting_ = {.kind = wait, .since = now};
  if (wait == Wait::kSend) {
    waiting_.delivered = delivered(fd(), taken_);
    waiting_.delivered_at = now;
  }
  set_deadline(now);
}

void Connection::stop_waiting() noexcept {
  waiting_ = {};
  loop().deadlines().set(deadline_slot_, Deadlines::kNever);
}

void Connection::set_deadline(int64_t now) noexcept {
  loop().deadlines().set(deadline_slot_, waiting_.deadline(settings(), listener_.drain_idle(), now));
}

// --- Answers ---------------------------------------------------------------------------------------------------------

bool Connection::may_persist(const Exchange& exchange) const noexcept {
  // A client that is told to close looks at nothing behind that answer, so it is said with the last one.
  return !listener_.draining() || exchange.next_;
}

void Connection::enqueue(Exchange& exchange) noexcept {
  if (last_) {
    last_->next_ = &exchange;
  } else {
    first_ = &exchange;
  }
  last_ = &exchange;
  running_++;
}

size_t Connection::queued_behind() const noexcept {
  size_t queued = 0;
  for (const Exchange* exchange = first_; exchange; exchange = exchange->next_) queued += exchange->pending_.size();
  return queued;
}

void Connection::advance_answers() noexcept {
  while (first_ && !closing_) {
    Exchange& exchange = *first_;
    if (exchange.started()) pace(exchange.pace_);
    if (!exchange.pending_.empty()) {
      send(exchange.pending_.view());
      exchange.pending_.release();
    }
    if (exchange.has_file()) advance_file(exchange);
    if (exchange.over()) {
      pop_first();
      continue;
    }
    if (exchange.waiting_ && !exchange.has_file() && output_.empty() && !yielded_) {
      exchange.waiting_ = false;
      loop().gateway().on_ready(exchange.handle());
    }
    return;
  }
}

void Connection::advance_file(Exchange& exchange) noexcept {
  // It goes on when the socket is writable, or what comes next is in memory. Were it tried again in the same turn, the
  // gateway could be told that the file has left before it has heard from send_file() that the file has not.
  if (wants_writable_ || exchange.file_.loading()) return;
  switch (exchange.file_.send(*this)) {
    case FileTransfer::Progress::kDone:
      // Who gives parts says when the body ends.
      if (exchange.in_parts_) return;
      exchange.finish();
      if (exchange.waiting_) loop().gateway().on_ready(exchange.handle());
      return;
    case FileTransfer::Progress::kBlocked:
      // uSockets polls for what is left of its own write.
      wants_writable_ = output_.empty();
      return;
    case FileTransfer::Progress::kYielded:
      yield();
      return;
    case FileTransfer::Progress::kLoading:
      return;
    case FileTransfer::Progress::kShrank:
      notice(Notice::kFileShrank, 0);
      break;
    case FileTransfer::Progress::kChanged:
      notice(Notice::kFileChanged, 0);
      break;
    case FileTransfer::Progress::kFailed:
      notice(Notice::kFileError, errno);
      break;
    case FileTransfer::Progress::kGone:
      closing_ = true;
      return;
  }
  bool waiting = exchange.waiting_;
  exchange.abort();
  if (waiting) loop().gateway().on_ready(exchange.handle());
}

void Connection::pop_first() noexcept {
  Exchange& exchange = *first_;
  first_ = exchange.next_;
  running_--;
  if (!first_) {
    last_ = nullptr;
    stalled_ = false;
  }
  // The next answer has its own time.
  if (waiting_.kind == Wait::kAnswer) stop_waiting();
  bool persists = exchange.keep_alive_;
  if (exchange.framing_.body == http::ResponseFraming::Body::kClose) {
    tail_ = exchange.state_ == Exchange::State::kAborted ? Tail::kAborted : Tail::kWhole;
  }
  auto answered = outcome(exchange, exchange.state_ == Exchange::State::kFinished);
  loop().exchanges().release(exchange);
  changed_ = true;
  if (!persists) {
    reading_over_ = true;
    // RFC 9112 §9.6: who still sends would have the connection reset, and lose of the answers what it has not read.
    if (!half_closed_ && (first_ || collecting_ || paused_)) linger_ = true;
    drop_exchanges(Gone::kClient);
  }
  if (answered) loop().gateway().on_answered(*answered);
}

std::optional<Answered> Connection::outcome(const Exchange& exchange, bool complete) const noexcept {
  if (!exchange.reported_) return std::nullopt;
  return exchange.outcome(complete, loop().answer_time());
}

void Connection::drop_collecting() noexcept {
  if (collecting_) loop().exchanges().release(*std::exchange(collecting_, nullptr));
}

void Connection::drop_exchanges(Gone why) noexcept {
  drop_collecting();
  Exchange* next = std::exchange(first_, nullptr);
  last_ = nullptr;
  running_ = 0;
  // All handles are stale before the gateway hears of the first: it may want to answer another one right then.
  std::vector<ExchangeHandle> gone;
  std::vector<Answered> answered;
  while (next) {
    Exchange& exchange = *next;
    next = exchange.next_;
    if (exchange.in_hand()) gone.push_back(exchange.handle());
    if (auto how = outcome(exchange, false)) answered.push_back(*how);
    loop().exchanges().release(exchange);
  }
  for (ExchangeHandle handle : gone) loop().gateway().on_gone(handle, why);
  for (const Answered& how : answered) loop().gateway().on_answered(how);
}

// --- Output that waits for more of its answer ------------------------------------------------------------------------

bool Connection::hold_back() noexcept {
  if (!gathers_ || !loop().may_hold_back()) return false;
  // Where the kernel is full all of it waits anyway, and TLS is this thread's alone.
  if (secure_ || closing_ || !output_.empty() || !turn_output_ || turn_output_->empty()) return false;
  if (!first_ || !first_->streaming() || first_->waiting_) return false;
  return loop().sender().hold(*this, fd(), turn_output_, held_back_);
}

void Connection::take_back() noexcept {
  if (held_back_ == BackgroundSender::kNoPlace) return;
  uint64_t sent = 0;
  turn_output_ = loop().sender().take_back(held_back_, sent);
  if (sent > 0) note_sent(sent);
}

void Connection::send_held_back() noexcept {
  Turn turn(*this);
  gathers_ = false;
}

// --- Output ----------------------------------------------------------------------------------------------------------

void Connection::send(std::string_view bytes) noexcept {
  if (bytes.size() <= (secure_ ? kTurnOutput : kCopyLimit)) {
    if (output_of_turn().size() + bytes.size() > kTurnOutput) flush(false);
    turn_output_->append(bytes);
    return;
  }
  take_back();
  bool first = output_.empty() && turn_output_ && !turn_output_->empty();
  if (first && !secure_) return write_both(bytes);
  flush(true);
  if (output_.empty()) bytes.remove_prefix(write_now(bytes, false));
  if (!bytes.empty()) output_.append(bytes);
}

void Connection::flush(bool more_follows) noexcept {
  take_back();
  if (!turn_output_ || turn_output_->empty()) return;
  std::string_view bytes = turn_output_->view();
  if (output_.empty()) bytes.remove_prefix(write_now(bytes, more_follows));
  if (!bytes.empty()) output_.append(bytes);
  turn_output_->clear();
}

void Connection::write_both(std::string_view bytes) noexcept {
  std::string_view before = turn_output_->view();
  int written = usockets().write2(secure_, socket_, before.data(), static_cast<int>(before.size()), bytes.data(),
                                  static_cast<int>(std::min<size_t>(bytes.size(), 1 << 30)));
  auto sent = static_cast<size_t>(std::max(written, 0));
  note_sent(sent);
  size_t sent_before = std::min(sent, before.size());
  output_.append(before.substr(sent_before));
  output_.append(bytes.substr(sent - sent_before));
  turn_output_->clear();
  // uSockets forgets that this write fell short, and a broken connection does not show by it: another one tells.
  if (!output_.empty()) output_.consume(write_now(output_.view(), false));
}

size_t Connection::write_now(std::string_view bytes, bool more_follows) noexcept {
  int length = static_cast<int>(std::min<size_t>(bytes.size(), 1 << 30));
  int written = usockets().write(secure_, socket_, bytes.data(), length, more_follows);
  if (written <= 0) {
    // uSockets does not tell a broken connection from a full one, and would report it writable for ever.
    if (broken()) closing_ = true;
    return 0;
  }
  note_sent(static_cast<uint64_t>(written));
  return static_cast<size_t>(written);
}

void Connection::pace(uint32_t bytes_a_second) noexcept {
  if (bytes_a_second == pace_) return;
  pace_ = bytes_a_second;
  set_pace(fd(), bytes_a_second);
  // What has left at one pace says nothing of whether the client keeps up with another.
  if (waiting_.kind == Wait::kSend) await(Wait::kSend, EventLoop::now());
}

void Connection::note_sent(uint64_t bytes) noexcept {
  taken_ += bytes;
  share_.take_bytes(loop().share(), bytes);
}

size_t Connection::share_left() const noexcept {
  // Whose answer waits for the socket has had a share of it before.
  if (in_writable_ && !loop().share().left()) return 0;
  return share_.bytes_left(loop().share());
}

bool Connection::unread() const noexcept {
  pollfd state{.fd = fd(), .events = POLLIN, .revents = 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & POLLIN) && !(state.revents & (POLLERR | POLLHUP));
}

bool Connection::broken() const noexcept {
  pollfd state{.fd = fd(), .events = POLLOUT, .revents = 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLERR | POLLHUP | POLLNVAL));
}

void Connection::yield() noexcept {
  if (!yielded_) loop().resume_later(*this);
  yielded_ = true;
}

void Connection::on_loaded(int error_number) noexcept {
  EventLoop::Event event(loop());
  Turn turn(*this);
  first_->file_.loaded(error_number);
  changed_ = true;
}

void Connection::resume() noexcept {
  EventLoop::Event event(loop());
  Turn turn(*this);
  yielded_ = false;
  changed_ = true;
}

void Connection::rearm() noexcept {
  rearm_queued_ = false;
  update_poll();
}

void Connection::update_poll() noexcept {
  // A client whose answers wait is not read from; neither is one that has said all it will, whose end of file would
  // be reported for ever.
  paused_ = half_closed_ || (!input_.empty() && !reading_over_ && !may_dispatch());
  int wanted = (paused_ ? 0 : kReadable) | (wants_writable_ || !output_.empty() ? kWritable : 0);
  if (wants_writable_ && in_writable_ && !rearm_queued_) {
    loop().rearm_after_poll(*this);
    rearm_queued_ = true;
  }
  auto* poll = reinterpret_cast<us_poll_t*>(socket_);
  int polled = usockets().poll_events(poll);
  // TLS may wait to send what is its own, as in a handshake. uSockets stops polling for that when it is done.
  if (secure_) wanted |= polled & kWritable;
  if (polled != wanted) usockets().poll_change(poll, loop().handle(), wanted);
}

}  // namespace uwsgiref::net
