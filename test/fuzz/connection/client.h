#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "fuzz/connection/fake_sockets.h"
#include "fuzz/connection/request_stream.h"
#include "http/response_writer.h"
#include "net/gateway.h"
#include "net/peer_address.h"

namespace uwsgiref::test {

struct Client;

/// One request and what its application has answered so far, as the application knows it.
struct Answer {
  enum class State : uint8_t {
    kRunning,
    kStarted,
    kFinished,
    kAborted,  ///< by the application, or because its body fell short
    kUnsure,   ///< a file that may have ended early has left, or not
    kGone,
  };
  using Body = http::ResponseFraming::Body;

  net::ExchangeHandle handle;
  Client* client;
  size_t number;  ///< of the request in its connection
  bool head_request;
  uint8_t minor_version;
  bool safe;
  bool persists;  ///< as far as the request is concerned
  bool expects_continue;

  State state = State::kRunning;
  bool begun = false;          ///< a head was given
  bool in_call = false;        ///< a call to the exchange is under way
  bool waiting = false;        ///< for on_ready
  bool perhaps_ready = false;  ///< on_ready may come though the answer was aborted
  bool timed_out = false;      ///< gone, for that
  bool reported = false;       ///< the gateway was told how it went
  int file = -1;               ///< that is being sent
  int parts = -1;              ///< the file whose parts are the body
  bool of_file = false;
  bool handed_over = false;     ///< nobody waits for it
  int held = -1;                ///< the open file that was handed over
  bool may_fall_short = false;  ///< the file may end early
  // What was given:
  uint16_t status = 0;
  bool says_close = false;
  bool while_draining = false;
  Body framing = Body::kNone;
  uint64_t length = 0;  ///< of Body::kLength
  uint64_t first = 0;   ///< where in the pattern the body begins
  uint64_t given = 0;   ///< bytes of the body that the engine has taken

  bool open() const noexcept { return state == State::kRunning || state == State::kStarted; }
  /// Whether no more bytes of the body are due.
  bool complete() const noexcept { return framing != Body::kLength || given >= length; }
};

/// The bytes of every body: those of an answer begin at a place of its own.
class Pattern {
 public:
  static constexpr size_t kPeriod = 65'521;
  static constexpr size_t kLongest = 8 << 20;

  static uint64_t begin_of(const Answer& answer) noexcept;
  static std::string_view bytes(uint64_t begin, size_t size) noexcept;
};

/// The IPv4 address that ends with this byte.
net::PeerAddress address_of(uint8_t last, int port = 0);

/// A client of the server: what it sends, what is due to it, and what befalls it.
struct Client {
  Client(Peer& peer, const net::Settings& settings)
      : peer(peer),
        stream(settings, !peer.certificate.empty(),
               settings.proxy_protocol && settings.trusts(address_of(peer.address))) {}

  /// Its own, or that of whom a PROXY header has named.
  net::PeerAddress address() const;
  /// Whether whoever speaks is a proxy that is trusted.
  bool is_trusted(const net::Settings& settings) const;

  Peer& peer;
  RequestStream stream;
  std::vector<Answer*> answers;  ///< in the order of the requests
  int64_t opened = 0;
  int64_t head_begun = 0;
  int64_t last_arrival = 0;
  bool perhaps_late = false;  ///< the engine may have refused what was incomplete, for its time:
  bool late_head = false;     ///< a HEAD
  bool late_other = false;    ///< or what was not known to be one
  bool perhaps_lost = false;  ///< its body could not be stored
  bool refused = false;       ///< the gateway was told so
  bool closed_by_order = false;
  bool turned_away = false;  ///< whom its PROXY header has named has too many connections
  bool losing = false;       ///< on_gone has been called; the handles of all its exchanges are stale before that
};

/// Ends the run where the bytes that a client has received are not exactly the answers due to it, up to now.
/// `at_rest`: nothing is under way any more, so that all that is due must be there.
void judge(const Client& client, const net::Settings& settings, bool at_rest);

}  // namespace uwsgiref::test
