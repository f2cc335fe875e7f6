#include "fuzz/connection/client.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "fuzz/connection/answer_reader.h"
#include "fuzz/oracle.h"
#include "http/request_error.h"

namespace uwsgiref::test {

uint64_t Pattern::begin_of(const Answer& answer) noexcept {
  return static_cast<uint64_t>(answer.client->peer.number) * 7919 + answer.number * 104'729;
}

std::string_view Pattern::bytes(uint64_t begin, size_t size) noexcept {
  static const std::string all = [] {
    std::string made(kPeriod + kLongest, '\0');
    for (size_t at = 0; at < made.size(); at++) {
      made[at] = static_cast<char>('A' + ((at % kPeriod * 2'654'435'761U) >> 16) % 53);
    }
    return made;
  }();
  EXPECT(size <= kLongest);
  return std::string_view(all).substr(begin % kPeriod, size);
}

net::PeerAddress address_of(uint8_t last, int port) {
  const std::array<char, 4> ipv4{10, 0, 0, static_cast<char>(last)};
  return {ipv4.data(), static_cast<int>(ipv4.size()), port};
}

net::PeerAddress Client::address() const {
  const std::optional<http::ProxyHeader>& header = stream.proxy_header();
  if (!header || header->client != http::ProxiedClient::kAddress) return address_of(peer.address, peer.number);
  return {header->source.address, header->source.port};
}

bool Client::is_trusted(const net::Settings& settings) const {
  const std::optional<http::ProxyHeader>& header = stream.proxy_header();
  return settings.trusts(address()) && (!header || header->client != http::ProxiedClient::kUnknown);
}

namespace {

using Kind = RequestStream::Kind;
using State = Answer::State;

/// Reads what a client has received from its first byte on, and keeps count of the answers.
class Reading {
 public:
  Reading(const Client& client, const net::Settings& settings)
      : client_(client), settings_(settings), rest_(client.peer.received) {}

  void read() {
    while (!rest_.empty()) {
      EXPECT(!over_ && !broken_off_);  // nothing comes behind the answer that says "close"
      const ReadAnswer answer = read_answer(rest_, answers_head());
      if (!answer.head_complete) {
        cut_ = true;
        return;
      }
      if (answer.status < 200) {
        read_interim(answer);
      } else if (awaited() && !awaited()->timed_out && !answer.field("X-Request").empty()) {
        read_answer_of(*awaited(), answer);
      } else {
        read_error(answer);
      }
      rest_.remove_prefix(answer.size);
      if (cut_) {
        EXPECT(rest_.empty());
        return;
      }
    }
  }

  /// Behind this no further answer may come.
  bool over() const noexcept { return over_; }
  bool error() const noexcept { return error_; }
  /// All answers that were begun are there.
  bool whole() const noexcept { return !cut_ && (error_ || !awaited()); }
  const Answer* awaited() const noexcept { return next_ < client_.answers.size() ? client_.answers[next_] : nullptr; }
  bool continued() const noexcept { return continued_; }
  /// The last answer was given up when all of it had left.
  bool broken_off() const noexcept { return broken_off_; }
  bool perhaps_broken_off() const noexcept { return perhaps_broken_off_; }

 private:
  void read_interim(const ReadAnswer& answer) {
    EXPECT(answer.status == 100 && answer.fields.empty() && !continued_);
    const bool expected = awaited() ? awaited()->expects_continue : client_.stream.next().framing.expect_continue;
    EXPECT(expected);
    continued_ = true;
  }

  void read_answer_of(const Answer& due, const ReadAnswer& answer) {
    const std::string tag = std::to_string(client_.peer.number) + "." + std::to_string(due.number);
    EXPECT(answer.field("X-Request") == tag);
    EXPECT(due.begun && answer.status == due.status);
    EXPECT(answer.framing == due.framing);
    EXPECT(due.framing != Answer::Body::kLength || answer.length == due.length);
    EXPECT(answer.field("Server") == settings_.server);
    EXPECT(answer.field("Date").size() == 29);

    const bool close = answer.field("Connection") == "close";
    const bool must_close = !due.persists || due.says_close || due.framing == Answer::Body::kClose;
    EXPECT(close || !must_close);
    EXPECT(!close || must_close || due.while_draining);
    if (!close) EXPECT(answer.field("Connection") == (due.minor_version == 0 ? "keep-alive" : ""));

    EXPECT(answer.body == Pattern::bytes(due.first, answer.body.size()));
    bool complete = answer.complete;
    switch (due.framing) {
      case Answer::Body::kNone:
      case Answer::Body::kLength:
        break;
      case Answer::Body::kChunked:
        EXPECT(answer.body.size() <= due.given);
        EXPECT(!complete || (due.state == State::kFinished && answer.body.size() == due.given));
        break;
      case Answer::Body::kClose:
        complete = due.state == State::kFinished && answer.body.size() == due.given;
        judge_end_of(answer, complete);
        break;
    }
    cut_ = !complete;
    if (cut_) return;
    over_ = close;
    broken_off_ = due.state == State::kAborted;
    perhaps_broken_off_ = due.state == State::kUnsure;
    next_++;
    continued_ = false;
  }

  /// Where the connection's end is the body's, a reset tells the client that the body is not whole.
  void judge_end_of(const ReadAnswer& answer, bool complete) const {
    const Peer& peer = client_.peer;
    if (peer.socket || peer.left()) return;
    EXPECT(answer.size == rest_.size());
    EXPECT(peer.reset == !complete && (complete || !peer.shut_down));
    // Over TLS the client takes an end without an alert of closure for a cut (RFC 9112 §9.8).
    EXPECT(!complete || !peer.secure || peer.shut_down);
  }

  /// What the engine has answered by itself.
  void read_error(const ReadAnswer& answer) {
    EXPECT(answer.field("X-Request").empty());
    EXPECT(answer.field("Connection") == "close");
    EXPECT(answer.framing == ReadAnswer::Body::kLength || answer.framing == ReadAnswer::Body::kNone);
    const RequestStream::Next& next = client_.stream.next();
    if (awaited()) {
      EXPECT(answer.status == 504 && awaited()->timed_out);
    } else if (answer.status == 500) {
      EXPECT(client_.perhaps_lost);
    } else if (next.kind == Kind::kError && !client_.perhaps_late) {
      EXPECT(answer.status == http::status_code(next.error));
    } else {
      EXPECT(client_.perhaps_late);
      EXPECT(answer.status == 408 || (next.kind == Kind::kError && answer.status == http::status_code(next.error)));
    }
    cut_ = !answer.complete;
    error_ = over_ = answer.complete;
  }

  /// Whether what comes next answers a HEAD, and has no body.
  bool answers_head() const {
    if (awaited()) return awaited()->head_request;
    if (read_answer(rest_, true).status != 408) return client_.stream.next().head_request;
    return client_.late_head && (!client_.late_other || rest_.ends_with("\r\n\r\n"));
  }

  const Client& client_;
  const net::Settings& settings_;
  std::string_view rest_;
  size_t next_ = 0;
  bool continued_ = false;
  bool cut_ = false;
  bool over_ = false;
  bool error_ = false;
  bool broken_off_ = false;
  bool perhaps_broken_off_ = false;
};

void judge_open(const Client& client, const Reading& reading) {
  const Peer& peer = client.peer;
  EXPECT(peer.unread().empty());
  EXPECT(!peer.end_read);
  EXPECT(peer.socket->events == net::kReadable);
  if (peer.shut_down) {
    // It is read from behind the last answer: one of the engine, one that says so, or one that was given up.
    const Answer* awaited = reading.awaited();
    const bool given_up = awaited && (awaited->state == State::kAborted || awaited->state == State::kUnsure);
    EXPECT(reading.over() || reading.broken_off() || reading.perhaps_broken_off() || given_up);
    return;
  }
  EXPECT(reading.whole() && !reading.broken_off() && !reading.over());
  const RequestStream::Next& next = client.stream.next();
  EXPECT(next.kind == Kind::kNothing || next.kind == Kind::kHead || next.kind == Kind::kBody);
  // RFC 9110 §10.1.1: the client waits for it.
  const bool waits = next.kind == Kind::kBody && next.framing.expect_continue && next.body_arrived == 0;
  EXPECT(!waits || reading.continued());
}

void judge_closed(const Client& client, const Reading& reading) {
  const Peer& peer = client.peer;
  if (peer.left() || client.closed_by_order || client.turned_away || reading.over()) return;
  // Who has not even got to the handshake is told nothing.
  if (peer.secure && client.stream.awaits_proxy_header()) {
    EXPECT(peer.received.empty() && (client.stream.next().kind == Kind::kError || peer.ended_in_sweep));
    return;
  }
  if (reading.broken_off() || reading.perhaps_broken_off()) return;
  const Answer* awaited = reading.awaited();
  if (awaited && (awaited->state == State::kAborted || awaited->state == State::kUnsure)) return;
  // It has not read, or was not seen to.
  if (peer.ended_in_sweep && (peer.blocked || (awaited && awaited->of_file))) return;
  // Nobody has broken anything off.
  EXPECT(reading.whole());
  const Kind next = client.stream.next().kind;
  EXPECT(next != Kind::kWhole && next != Kind::kError);
  EXPECT(peer.end_read || (peer.ended_in_sweep && next == Kind::kNothing));
}

}  // namespace

void judge(const Client& client, const net::Settings& settings, bool at_rest) {
  Reading reading(client, settings);
  reading.read();
  if (!at_rest) return;
  if (client.peer.poll) {
    EXPECT(client.peer.received.empty() && client.peer.unread().empty() && client.stream.awaits_proxy_header());
  } else if (client.peer.socket) {
    judge_open(client, reading);
  } else {
    judge_closed(client, reading);
  }
}

}  // namespace uwsgiref::test
