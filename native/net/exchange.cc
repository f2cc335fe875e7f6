#include "net/exchange.h"

#include <algorithm>
#include <limits>

#include "net/connection.h"
#include "net/event_loop.h"
#include "net/settings.h"

namespace uwsgiref::net {
namespace {

using Body = http::ResponseFraming::Body;

}  // namespace

bool Exchange::is_safe(const http::RequestLine& line, const http::RequestFraming& framing) noexcept {
  using http::Method;
  Method method = line.method_id;
  return framing.body == http::RequestFraming::Body::kNone &&
         (method == Method::kGet || method == Method::kHead || method == Method::kOptions || method == Method::kTrace);
}

void Exchange::begin(Connection& connection, const http::RequestLine& line, const http::RequestFraming& framing,
                     bool safe) noexcept {
  connection_ = &connection;
  next_ = nullptr;
  state_ = State::kRunning;
  minor_version_ = line.minor_version;
  head_request_ = line.method_id == http::Method::kHead;
  keep_alive_ = framing.keep_alive;
  safe_ = safe;
  waiting_ = false;
  in_parts_ = false;
  surplus_cut_ = false;
  framing_ = {};
  remaining_ = 0;
  body_bytes_ = 0;
  pace_ = connection.settings().rate;
  reported_ = connection.settings().report_answers;
  if (reported_) begun_ = answered_ = EventLoop::microseconds();
}

void Exchange::begin_refused(Connection& connection) noexcept {
  connection_ = &connection;
  next_ = nullptr;
  state_ = State::kFinished;
  keep_alive_ = false;
  safe_ = false;
  waiting_ = false;
  pace_ = connection.settings().rate;
  reported_ = false;
  framing_ = {};
}

int64_t Exchange::elapsed() const noexcept { return reported_ ? EventLoop::microseconds() - begun_ : 0; }

Answered Exchange::outcome(bool complete, int64_t now) const noexcept {
  auto since_begun = [this](int64_t time) {
    return static_cast<uint32_t>(std::clamp<int64_t>(time - begun_, 0, std::numeric_limits<uint32_t>::max()));
  };
  return {handle(),        framing_.status_code, complete, body_bytes_ - file_.unsent(), since_begun(answered_),
          since_begun(now)};
}

http::ByteBuffer& Exchange::sink() noexcept {
  return connection_->is_current(*this) ? connection_->output_of_turn() : pending_;
}

bool Exchange::queue_is_full() const noexcept {
  size_t queued = connection_->is_current(*this) ? connection_->queued() : connection_->queued_behind();
  return queued >= connection_->settings().max_queued_bytes;
}

size_t Exchange::portion() noexcept {
  if (queue_is_full()) return 0;
  // What is not handed to the kernel yet costs nobody's time.
  if (!connection_->is_current(*this)) return kWriteSlice;
  if (connection_->queued() > 0) return connection_->settings().max_queued_bytes - connection_->queued();
  size_t left = connection_->share_left();
  if (left == 0) connection_->yield();
  return left;
}

void Exchange::send(std::string_view bytes) noexcept {
  if (connection_->is_current(*this)) {
    connection_->send(bytes);
  } else {
    pending_.append(bytes);
  }
}

void Exchange::pace(uint32_t bytes_a_second) noexcept {
  pace_ = bytes_a_second;
  if (started() && connection_->is_current(*this)) connection_->pace(pace_);
}

http::ResponseResult Exchange::start(const http::ResponseHead& head) noexcept {
  Connection::Turn turn(*connection_);
  connection_->gather();
  if (connection_->is_current(*this)) connection_->pace(pace_);
  EventLoop& loop = connection_->loop();
  http::ResponseContext context;
  context.minor_version = minor_version_;
  context.head_request = head_request_;
  context.keep_alive = keep_alive_ && connection_->may_persist(*this);
  context.date = loop.date();
  context.server = connection_->settings().server;
  http::ResponseResult result = http::write_response_head(head, context, sink(), framing_);
  if (result.error != http::ResponseError::kNone) return result;
  state_ = State::kStarted;
  if (reported_) answered_ = loop.answer_time();
  keep_alive_ = framing_.keep_alive;
  remaining_ = framing_.body == Body::kLength ? framing_.content_length : 0;
  return result;
}

size_t Exchange::write(std::string_view bytes) noexcept {
  Connection::Turn turn(*connection_);
  connection_->gather();
  size_t taken = write(bytes, Room::kOfTheQueue);
  connection_->more_may_follow();
  return taken;
}

size_t Exchange::write(std::string_view bytes, Room room) noexcept {
  if (framing_.body == Body::kNone) return bytes.size();
  if (framing_.body != Body::kLength) return take(bytes, room);
  if (bytes.size() <= remaining_) {
    size_t taken = take(bytes, room);
    remaining_ -= taken;
    return taken;
  }
  // RFC 9112 §6.3: what went beyond the Content-Length would be read as the beginning of the next response.
  size_t due = static_cast<size_t>(remaining_);
  size_t taken = take(bytes.substr(0, due), room);
  remaining_ -= taken;
  if (taken < due) return taken;
  if (!surplus_cut_) connection_->notice(Notice::kSurplusBody, 0);
  surplus_cut_ = true;
  return bytes.size();
}

size_t Exchange::take(std::string_view bytes, Room room) noexcept {
  size_t taken = 0;
  while (taken < bytes.size()) {
    size_t most = kWriteSlice;
    if (room == Room::kOfTheQueue) {
      most = std::min(most, portion());
      if (most == 0) {
        waiting_ = true;
        break;
      }
    }
    std::string_view slice = bytes.substr(taken, most);
    if (framing_.body == Body::kChunked) {
      http::append_chunk_size(slice.size(), sink());
      send(slice);
      send(http::kChunkEnd);
    } else {
      send(slice);
    }
    taken += slice.size();
  }
  body_bytes_ += taken;
  return taken;
}

void Exchange::finish() noexcept {
  Connection::Turn turn(*connection_);
  if (framing_.body == Body::kLength && remaining_ > 0) {
    connection_->notice(Notice::kShortBody, 0);
    abort();
    return;
  }
  if (framing_.body == Body::kChunked) send(http::kLastChunk);
  state_ = State::kFinished;
  connection_->something_changed();
}

http::ResponseResult Exchange::respond(const http::ResponseHead& head, std::string_view body, size_t& taken) noexcept {
  Connection::Turn turn(*connection_);
  http::ResponseHead stated = head;
  // An empty answer to HEAD says nothing about the length that GET would have.
  if (!(head_request_ && body.empty())) stated.body_length = body.size();
  http::ResponseResult result = start(stated);
  if (result.error != http::ResponseError::kNone) return result;
  taken = write(body, body.size() <= kSmallBody ? Room::kAlways : Room::kOfTheQueue);
  if (taken == body.size()) finish();
  return result;
}

bool Exchange::send_file(const FileRegion& region) noexcept {
  Connection::Turn turn(*connection_);
  if (begin_file(region, {})) return true;
  waiting_ = true;
  return false;
}

void Exchange::send_file(const FileRegion& region, HeldFile held) noexcept {
  Connection::Turn turn(*connection_);
  begin_file(region, std::move(held));
}

bool Exchange::begin_file(FileRegion due, HeldFile held) noexcept {
  if (framing_.body == Body::kNone) due.length = 0;
  if (framing_.body == Body::kLength) {
    due.length = std::min(due.length, remaining_);
    remaining_ -= due.length;
  }
  if (due.length == 0) {
    finish();
    return true;
  }
  ExchangeHandle handle = this->handle();
  file_.begin(due, std::move(held));
  body_bytes_ += due.length;
  advance_file();
  return generation_ != handle.generation || over();
}

bool Exchange::send_part(const FileRegion& region) noexcept {
  Connection::Turn turn(*connection_);
  FileRegion due = region;
  due.length = std::min(due.length, remaining_);
  remaining_ -= due.length;
  if (due.length == 0) return true;
  ExchangeHandle handle = this->handle();
  file_.begin_part(due, !in_parts_);
  in_parts_ = true;
  body_bytes_ += due.length;
  advance_file();
  if (generation_ != handle.generation || !has_file()) return true;
  waiting_ = true;
  return false;
}

void Exchange::advance_file() noexcept {
  if (connection_->is_current(*this)) {
    connection_->advance_answers();
  } else {
    // Out of its turn it waits: the gateway may be in the midst of a call that the answer before this one has caused.
    file_.watch();
  }
}

void Exchange::abort() noexcept {
  if (over()) return;
  Connection::Turn turn(*connection_);
  state_ = State::kAborted;
  body_bytes_ -= file_.unsent();
  file_.stop();
  keep_alive_ = false;
  connection_->something_changed();
}

Exchange& ExchangeTable::acquire() {
  if (free_.empty()) {
    auto exchange = std::make_unique<Exchange>();
    exchange->slot_ = static_cast<uint32_t>(exchanges_.size());
    exchanges_.push_back(std::move(exchange));
    return *exchanges_.back();
  }
  uint32_t slot = free_.back();
  free_.pop_back();
  return *exchanges_[slot];
}

void ExchangeTable::release(Exchange& exchange) noexcept {
  // 31 bits, so that a generation is a small integer in JavaScript too.
  exchange.generation_ = (exchange.generation_ + 1) & 0x7fff'ffff;
  exchange.connection_ = nullptr;
  exchange.pending_.release();
  exchange.file_.stop();
  exchange.held_.reset();
  exchange.body_share_.release();
  free_.push_back(exchange.slot_);
}

}  // namespace uwsgiref::net
