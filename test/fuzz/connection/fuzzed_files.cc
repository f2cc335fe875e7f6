// Answers of FuzzedGateway that have a file, or parts of one.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "fuzz/connection/fuzzed_gateway.h"
#include "fuzz/oracle.h"
#include "net/connection.h"

namespace uwsgiref::test {

using State = Answer::State;
using Body = Answer::Body;

FuzzedGateway::~FuzzedGateway() {
  for (const Answer& answer : answers_) {
    if (answer.parts >= 0) ::close(answer.parts);
    if (answer.held < 0) continue;
    // The engine has given back what it was given, and no more.
    const auto number = static_cast<uint32_t>(answer.held);
    EXPECT(held_.has(number));
    std::erase(network_.files, held_.descriptor(number));
    held_.release(number);
    EXPECT(!held_.has(number));
  }
}

void FuzzedGateway::send_file(Answer& answer, const Order& order) {
  net::Exchange* exchange = find(answer);
  if (!exchange || exchange->started()) return;
  const size_t size = size_of(order.size);
  const uint64_t offset = order.variant == 'o' ? 3 : 0;
  AnswerHead head(answer, order, size);
  if (head.sound()) head.note(answer, listener_->draining());
  answer.first += offset;

  answer.of_file = true;
  answer.file = ::memfd_create("answer", MFD_CLOEXEC);
  EXPECT(answer.file >= 0);
  std::string_view bytes = Pattern::bytes(Pattern::begin_of(answer), offset + size);
  if (order.variant == 'b') bytes.remove_suffix(std::min<size_t>(bytes.size(), 4));
  EXPECT(::pwrite(answer.file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  network_.files.push_back(answer.file);
  answer.may_fall_short = answer.framing == Body::kLength && (order.variant == 'b' || answer.length > size);

  answer.in_call = true;
  bool left = false;
  {
    net::Connection::Turn turn(exchange->connection());
    const http::ResponseResult result = exchange->start(head.get());
    EXPECT((result.error == http::ResponseError::kNone) == head.sound());
    if (head.sound()) left = exchange->send_file({answer.file, offset, size});
  }
  answer.in_call = false;
  if (!head.sound()) return end_file(answer);
  if (answer.state == State::kGone) return;
  if (left) {
    end_file(answer);
  } else {
    answer.waiting = true;
  }
}

/// A region of one file, whose bytes are those of the body at the same place.
void FuzzedGateway::send_part(Answer& answer, const Order& order) {
  net::Exchange* exchange = find(answer);
  if (!exchange || !exchange->streaming() || answer.framing != Body::kLength) return;
  answer.of_file = true;
  if (answer.parts < 0) {
    answer.parts = ::memfd_create("parts", MFD_CLOEXEC);
    const std::string_view bytes = Pattern::bytes(answer.first, std::min<uint64_t>(answer.length, Pattern::kLongest));
    EXPECT(::pwrite(answer.parts, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }
  const uint64_t offset = answer.given;
  const uint64_t size = std::min<uint64_t>(size_of(order.size), answer.length - offset);
  answer.given += size;
  answer.file = answer.parts;
  network_.files.push_back(answer.file);

  answer.in_call = true;
  const bool left = exchange->send_part({answer.file, offset, size});
  answer.in_call = false;
  if (answer.state == State::kGone) return;
  if (left) {
    end_part(answer);
  } else {
    answer.waiting = true;
  }
}

/// A whole file that was read already: the answer is given with it, as it is by respond().
void FuzzedGateway::send_block(Answer& answer, const Order& order) {
  net::Exchange* exchange = find(answer);
  if (!exchange || exchange->started()) return;
  // What is larger is not read for one answer.
  const size_t size = std::min<size_t>(size_of(order.size), settings_.small_file_size);
  const auto number = blocks_.take(size);
  EXPECT(number);
  net::HeldFile held;
  held.block = {blocks_, *number};
  AnswerHead head(answer, order, size);
  if (head.sound()) head.note(answer, listener_->draining());
  const std::string_view bytes = Pattern::bytes(Pattern::begin_of(answer), size);
  std::copy(bytes.begin(), bytes.end(), blocks_.memory(*number));
  largest_piece_ = std::max(largest_piece_, size);
  answer.of_file = true;
  answer.handed_over = head.sound();
  answer.given = size;

  answer.in_call = true;
  {
    net::Connection::Turn turn(exchange->connection());
    const http::ResponseResult result = exchange->start(head.get());
    EXPECT((result.error == http::ResponseError::kNone) == head.sound());
    if (head.sound()) exchange->send_file({.length = size}, std::move(held));
  }
  answer.in_call = false;
  if (head.sound() && answer.state != State::kGone) {
    answer.state = answer.complete() ? State::kFinished : State::kAborted;
  }
}

/// A whole file that is held open, described by the state that it had then.
void FuzzedGateway::send_held(Answer& answer, const Order& order) {
  net::Exchange* exchange = find(answer);
  if (!exchange || exchange->started()) return;
  const size_t size = size_of(order.size);
  AnswerHead head(answer, order, size);
  if (!head.sound()) return;
  const std::string_view bytes = Pattern::bytes(Pattern::begin_of(answer), size);
  const int file = ::memfd_create("held", MFD_CLOEXEC);
  EXPECT(::pwrite(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  const auto number = held_.hold(file);
  if (!number) {
    ::close(file);
    return;
  }
  network_.files.push_back(file);
  answer.held = static_cast<int>(*number);
  held_.refer(*number);
  net::HeldFile held;
  held.open = {held_, *number};
  head.note(answer, listener_->draining());
  answer.of_file = answer.handed_over = true;
  answer.given = size;

  answer.in_call = true;
  {
    net::Connection::Turn turn(exchange->connection());
    EXPECT(exchange->start(head.get()).error == http::ResponseError::kNone);
    exchange->send_file({file, 0, size}, std::move(held));
  }
  answer.in_call = false;
  if (answer.state == State::kStarted) answer.state = answer.complete() ? State::kFinished : State::kAborted;
}

void FuzzedGateway::shrink_file(Answer& answer, const Order& order) {
  int file = answer.parts < 0 ? answer.file : answer.parts;
  if (answer.held >= 0) file = held_.descriptor(static_cast<uint32_t>(answer.held));
  if (file < 0) return;
  answer.may_fall_short = true;
  const off_t size = std::min(::lseek(file, 0, SEEK_END), static_cast<off_t>(size_of(order.size)));
  EXPECT(::ftruncate(file, size) == 0);
}

/// The engine has done with the file, whatever became of it.
void FuzzedGateway::end_file(Answer& answer) {
  if (answer.file < 0) return;
  if (answer.file == answer.parts) return end_part(answer);
  std::erase(network_.files, answer.file);
  ::close(answer.file);
  answer.file = -1;
  if (answer.state != State::kStarted) return;
  const bool sure = !answer.may_fall_short && !network_.file_error_given;
  answer.state = sure ? State::kFinished : State::kUnsure;
}

/// The engine has done with the part, and the answer goes on where nothing went wrong.
void FuzzedGateway::end_part(Answer& answer) {
  std::erase(network_.files, answer.file);
  answer.file = -1;
  if (answer.state != State::kStarted) return;
  const net::Exchange* exchange = loop_->exchanges().find(answer.handle);
  if (exchange && !exchange->aborted()) return;
  EXPECT(answer.may_fall_short || network_.file_error_given || !answer.client->peer.connected());
  answer.state = State::kUnsure;
}

}  // namespace uwsgiref::test
