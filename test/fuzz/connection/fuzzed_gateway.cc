#include "fuzz/connection/fuzzed_gateway.h"

#include <algorithm>
#include <string>

#include "fuzz/connection/answer_head.h"
#include "fuzz/oracle.h"
#include "http/request_error.h"
#include "net/connection.h"
#include "net/peer_address.h"

namespace uwsgiref::test {

using State = Answer::State;
using Body = Answer::Body;

// --- Orders ----------------------------------------------------------------------------------------------------------

void FuzzedGateway::react(Callback callback) {
  auto& kept = kept_[static_cast<size_t>(callback)];
  if (kept.empty() || !listener_) return;
  const Order order = kept.front();
  kept.pop_front();
  carry_out(order);
}

void FuzzedGateway::forget_orders() {
  for (auto& kept : kept_) kept.clear();
}

void FuzzedGateway::carry_out(const Order& order) {
  if (!listener_) return;
  trace("order ", order.act, order.which, order.size, order.variant);
  if (order.act == 'D') return listener_->drain();
  if (order.act == 'C') {
    for (Client& client : clients_) client.closed_by_order |= client.peer.connected();
    return listener_->close_connections();
  }
  Answer* answer = pick(order.which);
  if (!answer) return;
  switch (order.act) {
    case 's':
      return start(*answer, order);
    case 'w':
      return write(*answer, size_of(order.size));
    case 'p':
      if (net::Exchange* exchange = find(*answer)) exchange->pace(order.size);
      return;
    case 'f':
      return finish(*answer);
    case 'F':
      return send_file(*answer, order);
    case 'm':
      return send_part(*answer, order);
    case 'B':
      return send_block(*answer, order);
    case 'O':
      return send_held(*answer, order);
    case 'S':
      return shrink_file(*answer, order);
    case 'a':
      return abort(*answer);
    default:
      return respond(*answer, order);
  }
}

/// Digits are open answers, the oldest first; letters any, so that names gone stale are used too.
Answer* FuzzedGateway::pick(uint8_t which) {
  if (answers_.empty()) return nullptr;
  if (which >= 'A') {
    Answer& any = answers_[which % answers_.size()];
    return any.in_call ? nullptr : &any;
  }
  std::vector<Answer*> open;
  for (Answer& answer : answers_) {
    if (answer.open() && !answer.in_call) open.push_back(&answer);
  }
  return open.empty() ? nullptr : open[(which - '0') % open.size()];
}

size_t FuzzedGateway::size_of(uint8_t choice) {
  static constexpr std::array<size_t, 10> kSizes{0, 1, 10, 100, 1000, 5000, 16'000, 70'000, 300'000, 3'000'000};
  const bool digit = choice >= '0' && choice <= '9';
  const size_t size = std::min(kSizes[digit ? choice - '0' : choice % 8], budget_);
  budget_ -= size;
  return size;
}

net::Exchange* FuzzedGateway::find(const Answer& answer) {
  net::Exchange* exchange = loop_->exchanges().find(answer.handle);
  // An exchange that is over may still wait for its turn.
  EXPECT(exchange || !answer.open() || answer.client->losing);
  if (!exchange) return nullptr;
  EXPECT(answer.state != State::kGone);
  EXPECT(exchange->started() == (answer.state != State::kRunning));
  EXPECT(exchange->streaming() == (answer.state == State::kStarted && answer.file < 0));
  return exchange;
}

// --- Answers ---------------------------------------------------------------------------------------------------------

void FuzzedGateway::respond(Answer& answer, const Order& order) {
  net::Exchange* exchange = find(answer);
  if (!exchange || exchange->started()) return;
  const std::string_view body = Pattern::bytes(Pattern::begin_of(answer), size_of(order.size));
  AnswerHead head(answer, order, answer.head_request && body.empty() ? std::nullopt : std::optional(body.size()));
  if (head.sound()) head.note(answer, listener_->draining());
  largest_piece_ = std::max(largest_piece_, body.size());
  answer.in_call = true;
  size_t taken = 0;
  const http::ResponseResult result = exchange->respond(head.get(), body, taken);
  answer.in_call = false;
  EXPECT((result.error == http::ResponseError::kNone) == head.sound());
  if (!head.sound()) return;
  EXPECT(taken <= body.size() && (taken == body.size() || body.size() > net::kSmallBody));
  answer.given = taken;
  if (answer.state == State::kGone) return;
  if (taken == body.size()) {
    answer.state = answer.complete() ? State::kFinished : State::kAborted;
  } else {
    answer.waiting = true;
  }
}

void FuzzedGateway::start(Answer& answer, const Order& order) {
  net::Exchange* exchange = find(answer);
  if (!exchange || exchange->started()) return;
  std::optional<uint64_t> length;
  if (order.variant == 'k') length = order.size;
  if (order.variant == 'm') length = size_of(order.size);
  AnswerHead head(answer, order, length);
  if (head.sound()) head.note(answer, listener_->draining());
  answer.in_call = true;
  const http::ResponseResult result = exchange->start(head.get());
  answer.in_call = false;
  EXPECT((result.error == http::ResponseError::kNone) == head.sound());
  if (answer.state == State::kStarted && loop_->exchanges().find(answer.handle)) {
    EXPECT(exchange->framing().body == answer.framing);
  }
}

void FuzzedGateway::write(Answer& answer, size_t size) {
  net::Exchange* exchange = find(answer);
  if (!exchange || !exchange->streaming()) return;
  const std::string_view bytes = Pattern::bytes(answer.first + answer.given, size);
  largest_piece_ = std::max(largest_piece_, size);
  answer.in_call = true;
  const size_t taken = exchange->write(bytes);
  answer.in_call = false;
  EXPECT(taken <= size);
  answer.given += taken;
  if (answer.state != State::kGone && taken < size) answer.waiting = true;
}

void FuzzedGateway::finish(Answer& answer) {
  net::Exchange* exchange = find(answer);
  if (!exchange || !exchange->streaming()) return;
  answer.state = answer.complete() ? State::kFinished : State::kAborted;
  answer.waiting = false;
  answer.in_call = true;
  exchange->finish();
  answer.in_call = false;
}

void FuzzedGateway::abort(Answer& answer) {
  net::Exchange* exchange = find(answer);
  // What was handed over is nobody's to give up.
  if (!exchange || answer.handed_over) return;
  if (answer.open()) {
    answer.state = State::kAborted;
    // Out of on_notice, which tells that the file has come to its end: on_ready is on its way.
    answer.perhaps_ready = answer.waiting && answer.file >= 0;
    answer.waiting = false;
  }
  answer.in_call = true;
  exchange->abort();
  answer.in_call = false;
  end_file(answer);
}

bool FuzzedGateway::end_answers() {
  bool any = false;
  // An answer that ends may let further requests in.
  for (size_t at = 0; at < answers_.size(); at++) {
    Answer& answer = answers_[at];
    if (!answer.open() || answer.waiting) continue;
    any = true;
    if (answer.state == State::kRunning) {
      respond(answer, {.size = '2', .variant = '0'});
    } else if (answer.framing == Body::kLength && answer.given < answer.length) {
      write(answer, std::min<uint64_t>(answer.length - answer.given, 1'000'000));
    } else {
      finish(answer);
    }
  }
  return any;
}

void FuzzedGateway::expect_sound() {
  for (Client& client : clients_) client.losing = false;
  for (const Answer& answer : answers_) find(answer);
  EXPECT(!enclosed_ || network_.polling());
}

size_t FuzzedGateway::open_answers(const Client& client) const noexcept {
  const auto open = [](const Answer* answer) { return answer->open() && !answer->in_call; };
  return static_cast<size_t>(std::count_if(client.answers.begin(), client.answers.end(), open));
}

// --- Calls of the engine ---------------------------------------------------------------------------------------------

namespace {

/// All that a request's views show.
std::string text_of(const net::Request& request) {
  std::string text(request.line.method.of(request.head));
  text.append(" ").append(request.line.target.of(request.head));
  for (const http::Field& field : request.fields) {
    text.append("\n").append(field.name.of(request.head)).append(":").append(field.value.of(request.head));
  }
  return text.append("\n\n").append(request.body);
}

}  // namespace

Client& FuzzedGateway::client_of(const net::PeerAddress& peer) {
  for (Client& client : clients_) {
    if (client.peer.number == peer.port()) return client;
  }
  EXPECT(false);
  return clients_.front();
}

Answer& FuzzedGateway::answer_of(net::ExchangeHandle handle) {
  const auto found = std::find_if(answers_.rbegin(), answers_.rend(), [handle](const Answer& answer) {
    return answer.handle.slot == handle.slot && answer.handle.generation == handle.generation;
  });
  EXPECT(found != answers_.rend());
  return *found;
}

void FuzzedGateway::begin_calls() noexcept {
  EXPECT(!enclosed_);
  enclosed_ = true;
}

void FuzzedGateway::end_calls() noexcept {
  EXPECT(enclosed_);
  enclosed_ = false;
  auto& kept = kept_[static_cast<size_t>(Callback::kEndCalls)];
  for (size_t count = kept.size(); count > 0; count--) react(Callback::kEndCalls);
}

/// As JavascriptGateway: answers of one connection that follow each other are one turn.
void FuzzedGateway::give_answers() noexcept {
  auto& kept = kept_[static_cast<size_t>(Callback::kGiveAnswers)];
  std::optional<net::Connection::Turn> turn;
  const net::Connection* connection = nullptr;
  while (!kept.empty() && listener_) {
    const Order order = kept.front();
    kept.pop_front();
    const Answer* answer = pick(order.which);
    const net::Exchange* exchange = answer ? find(*answer) : nullptr;
    if (exchange && &exchange->connection() != connection) {
      turn.reset();
      exchange = find(*answer);
      if (exchange) {
        connection = &exchange->connection();
        turn.emplace(exchange->connection());
      }
    }
    if (!exchange) {
      turn.reset();
      connection = nullptr;
    }
    carry_out(order);
  }
}

void FuzzedGateway::on_request(net::Exchange& exchange, const net::Request& request) noexcept {
  trace("on_request");
  EXPECT(listener_ && &request.listener == listener_);
  Client& client = client_of(request.peer);
  EXPECT(request.peer.address() == client.address().address() && request.peer.port() == client.address().port());
  EXPECT(request.from_trusted_proxy == client.is_trusted(settings_));
  EXPECT(client.peer.socket && &exchange.connection() == static_cast<void*>(client.peer.socket->ext.get()));
  const RequestStream::Next& next = client.stream.next();
  expect_same(request, next);
  EXPECT(!exchange.started() && !client.refused);

  using http::Method;
  const Method method = next.line.method_id;
  const bool safe = !request.has_body && (method == Method::kGet || method == Method::kHead ||
                                          method == Method::kOptions || method == Method::kTrace);
  // RFC 9112 §9.3.2
  for (const Answer* other : client.answers) EXPECT(!other->open() || other->in_call || (safe && other->safe));
  EXPECT(open_answers(client) < settings_.max_pipelined);

  Answer& answer = answers_.emplace_back(Answer{
      .handle = exchange.handle(),
      .client = &client,
      .number = client.answers.size(),
      .head_request = next.head_request,
      .minor_version = next.line.minor_version,
      .safe = safe,
      .persists = next.persists,
      .expects_continue = next.framing.expect_continue,
  });
  EXPECT(loop_->exchanges().find(answer.handle) == &exchange);
  client.answers.push_back(&answer);
  client.perhaps_late = client.late_head = client.late_other = client.perhaps_lost = false;
  client.head_begun = network_.now();
  client.stream.take();
  const bool asked = settings_.client_certificate != net::ClientCertificate::kNotAsked;
  EXPECT(request.client_certificate == (asked ? client.peer.certificate : ""));
  const std::string before = text_of(request);
  react(Callback::kRequest);
  // Its views hold, whatever else is answered in between.
  EXPECT(text_of(request) == before);
}

void FuzzedGateway::on_ready(net::ExchangeHandle handle) noexcept {
  Answer& answer = answer_of(handle);
  trace("on_ready ", answer.client->peer.number, ".", answer.number);
  EXPECT(!answer.in_call && ((answer.waiting && answer.open()) || answer.perhaps_ready));
  answer.perhaps_ready = false;
  answer.waiting = false;
  end_file(answer);
  react(Callback::kReady);
}

void FuzzedGateway::on_gone(net::ExchangeHandle handle, net::Gone why) noexcept {
  Answer& answer = answer_of(handle);
  trace("on_gone ", answer.client->peer.number, ".", answer.number);
  EXPECT(answer.open());
  EXPECT(!loop_->exchanges().find(handle));
  answer.state = State::kGone;
  answer.waiting = false;
  answer.client->losing = true;
  answer.timed_out = why == net::Gone::kTimedOut;
  end_file(answer);
  react(Callback::kGone);
}

void FuzzedGateway::on_answered(const net::Answered& answered) noexcept {
  EXPECT(settings_.report_answers);
  Answer& answer = answer_of(answered.exchange);
  trace("on_answered ", answer.client->peer.number, ".", answer.number);
  EXPECT(!answer.reported && !loop_->exchanges().find(answered.exchange));
  answer.reported = true;
  EXPECT(answered.status == answer.status || answer.in_call || !answer.begun);
  EXPECT(answer.in_call || answer.of_file || answered.body_bytes <= answer.given);
  EXPECT(!answered.complete || answer.in_call || answer.state == State::kFinished || answer.state == State::kUnsure ||
         (answer.of_file && answer.waiting));
  EXPECT(answered.first_byte <= answered.duration);
}

void FuzzedGateway::on_refused(const net::Listener& listener, const net::Refusal& refusal) noexcept {
  trace("on_refused ", refusal.status);
  EXPECT(&listener == listener_ && settings_.report_refusals);
  Client& client = client_of(refusal.peer);
  EXPECT(!client.refused);
  client.refused = true;
  const RequestStream::Next& next = client.stream.next();
  if (refusal.status == 500) {
    EXPECT(client.perhaps_lost);
  } else {
    EXPECT(refusal.status == (next.kind == RequestStream::Kind::kError ? http::status_code(next.error) : 408));
    EXPECT(refusal.status != 408 || client.perhaps_late);
  }
  // Before a handshake there is no request.
  const bool asked = !client.peer.secure || !client.stream.awaits_proxy_header();
  EXPECT(refusal.request_line == (asked ? client.stream.request_line().substr(0, 256) : ""));
  EXPECT(!refusal.reason.empty());
  react(Callback::kRefused);
}

void FuzzedGateway::on_notice(const net::Listener& listener, net::Notice notice, int) noexcept {
  trace("on_notice ", static_cast<int>(notice));
  EXPECT(&listener == listener_ || !listener_);
  if (notice == net::Notice::kBodyStoreFailed) {
    for (Client& client : clients_) client.perhaps_lost |= client.stream.next().body_arrived > net::kBodyNeverStored;
  }
  using net::Notice;
  if (notice == Notice::kFileShrank || notice == Notice::kFileChanged || notice == Notice::kFileError) {
    for (Answer& answer : answers_) {
      const bool perhaps = answer.may_fall_short || network_.file_error_given;
      const bool given = answer.state == State::kFinished || answer.in_call;
      if (answer.held >= 0 && perhaps && given) answer.state = State::kUnsure;
    }
  }
  react(Callback::kNotice);
}

void FuzzedGateway::on_drained(net::Listener& listener) noexcept {
  trace("on_drained");
  EXPECT(!drained_ && listener.draining() && listener.connection_count() == 0);
  drained_ = true;
  react(Callback::kDrained);
}

}  // namespace uwsgiref::test
