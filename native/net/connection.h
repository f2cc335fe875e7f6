#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/byte_buffer.h"
#include "http/request_parser.h"
#include "net/accepted.h"
#include "net/event_loop.h"
#include "net/exchange.h"
#include "net/fair_share.h"
#include "net/peer_address.h"
#include "net/settings.h"
#include "net/usockets.h"
#include "net/waiting.h"

namespace uwsgiref::net {

class Listener;

/// A head that did not arrive whole: the parser's place in it, and the field lines so far.
struct PartialHead {
  explicit PartialHead(const http::HeadLimits& limits) : fields(limits.max_fields), parser(limits, fields) {}
  std::vector<http::Field> fields;
  http::RequestParser parser;
};

/// One connection's life: bytes in, requests to the gateway, answers out in the order of the requests, then the next
/// request or the end. It lives in uSockets' extension memory behind its socket. Nothing about that life is decided
/// elsewhere; docs/architecture.md draws it.
class Connection {
 public:
  Connection(us_socket_t* socket, Listener& listener, const Accepted& accepted);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // uSockets' events. Each may end with the connection destroyed.
  void on_data(std::string_view bytes) noexcept;
  void on_writable() noexcept;
  void on_half_close() noexcept;
  void on_deadline() noexcept;

  Listener& listener() const noexcept { return listener_; }
  /// The client: whoever is at the other end of the socket, or whom a PROXY header has named.
  const PeerAddress& peer() const noexcept { return accepted_.peer; }
  /// Whether nothing is under way: no request, no part of one, nothing to send.
  bool idle() const noexcept;
  /// Closes at once, or, in the midst of a turn, at its end.
  void close() noexcept;
  /// The listener drains: an idle connection has only so much time left.
  void hurry() noexcept;

  /// Every entry into a connection is a turn. What the turn has to send leaves in one write at the end of the
  /// outermost; only there do answers advance, is more input parsed, and may the connection be destroyed.
  class Turn {
   public:
    explicit Turn(Connection& connection) noexcept : connection_(connection) { connection.turns_++; }
    ~Turn() { connection_.end_turn(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Connection& connection_;
  };

  // For the exchanges of this connection, within a turn.
  EventLoop& loop() const noexcept;
  const Settings& settings() const noexcept;
  bool is_current(const Exchange& exchange) const noexcept { return first_ == &exchange; }
  /// Whether the connection may be told to persist behind this answer.
  bool may_persist(const Exchange& exchange) const noexcept;
  /// Bytes that the kernel has not taken.
  size_t queued() const noexcept { return output_.size(); }
  /// Bytes of the answers whose turn has not come.
  size_t queued_behind() const noexcept;
  http::ByteBuffer& output_of_turn() noexcept;
  void send(std::string_view bytes) noexcept;
  void something_changed() noexcept { changed_ = true; }
  /// More of the answer may come at once, for which this turn's output may wait.
  void gather() noexcept { gathers_ = true; }
  /// The application produces its next block, within this turn or behind it.
  void more_may_follow() noexcept {
    if (turns_ > 1 && !hold_back()) flush(false);
  }
  void advance_answers() noexcept;

  // For the file transfer.
  int fd() const noexcept;
  /// Writes the output of the turn; what the kernel does not take is queued.
  void flush(bool more_follows) noexcept;
  bool secure() const noexcept { return secure_; }
  /// Tells the operator.
  void notice(Notice notice, int error_number) noexcept;
  void note_sent(uint64_t bytes) noexcept;
  /// Bytes that may be sent before the loop turns to the other connections.
  size_t share_left() const noexcept;
  /// Leaves the rest for when the others have had their turn.
  void yield() noexcept;
  /// Has the kernel send so many bytes a second at most; 0: any.
  void pace(uint32_t bytes_a_second) noexcept;
  /// Writes to the socket at once; answers the bytes that it took.
  size_t write_now(std::string_view bytes, bool more_follows) noexcept;

  /// What the file that is being sent waits for has been read, or could not be: then an errno.
  void on_loaded(int error_number) noexcept;
  /// Hands what was held back to the kernel.
  void send_held_back() noexcept;

  /// Goes on where it yielded.
  void resume() noexcept;
  /// Polls again for what uSockets stopped polling for; see EventLoop::rearm_after_poll().
  void rearm() noexcept;

  Wait waits_for() const noexcept { return waiting_.kind; }

 private:
  /// What the last answer has left behind in the output.
  enum class Tail : uint8_t {
    kFramed,   ///< nothing whose end is the connection's own
    kWhole,    ///< the rest of a body that ends with the connection
    kAborted,  ///< likewise, and its end was not reached
  };

  void end_turn() noexcept;
  /// Writes the output of the turn, and these bytes behind it, by one call on a plain connection.
  void write_both(std::string_view bytes) noexcept;
  bool hold_back() noexcept;
  void take_back() noexcept;
  /// Whether a client would take for whole what it has of a body that ends with the connection, and it is not. Only a
  /// reset tells it.
  bool cuts_body() const noexcept;
  void settle() noexcept;
  Wait awaited() const noexcept;
  void arm_deadline() noexcept;
  void await(Wait wait, int64_t now) noexcept;
  /// A wait is over, and what the next one is shows at the end of the turn. It may be none.
  void stop_waiting() noexcept;
  void set_deadline(int64_t now) noexcept;
  void update_poll() noexcept;
  void end_output() noexcept;
  bool broken() const noexcept;
  /// Whether there are bytes that the kernel has received and uSockets has not read yet.
  bool unread() const noexcept;

  void take_input(std::string_view bytes) noexcept;
  size_t consume(std::string_view bytes) noexcept;
  size_t consume_proxy_header(std::string_view bytes) noexcept;
  size_t consume_head(std::string_view bytes) noexcept;
  size_t consume_body(std::string_view bytes) noexcept;
  void hold(Exchange& exchange, const http::RequestParser& parser, const http::RequestFraming& framing,
            std::string_view head) noexcept;
  std::string_view client_certificate();
  void dispatch(Exchange& exchange, const Request& request) noexcept;
  bool may_dispatch() const noexcept;
  bool has_place_for_request() const noexcept;
  bool has_request_to_come() const noexcept;
  void refuse(http::RequestError error, std::string_view head, const http::RequestLine& line) noexcept;
  /// Answers with an error, as the last thing on this connection.
  void end_with(std::string_view status, std::string_view text, bool head_request) noexcept;

  void enqueue(Exchange& exchange) noexcept;
  void pop_first() noexcept;
  /// What the gateway hears of the exchange, which is over; nothing where it does not want to.
  std::optional<Answered> outcome(const Exchange& exchange, bool complete) const noexcept;
  void drop_collecting() noexcept;
  void drop_exchanges(Gone why) noexcept;
  void advance_file(Exchange& exchange) noexcept;

  us_socket_t* socket_;
  Listener& listener_;
  Exchange* first_ = nullptr;  ///< the exchanges in the order of their requests; the first one is being answered
  Exchange* last_ = nullptr;
  Exchange* collecting_ = nullptr;        ///< whose body is arriving; not yet in the gateway's hands
  std::unique_ptr<PartialHead> partial_;  ///< of the head at the front of input_
  std::unique_ptr<http::ByteBuffer> turn_output_;
  http::ByteBuffer input_;                                      ///< received and not yet consumed
  http::ByteBuffer output_{http::ByteBuffer::Large::kMapping};  ///< to be sent and not yet taken by the kernel
  std::unique_ptr<std::string> client_certificate_;             ///< once it was asked for
  Accepted accepted_;
  Waiting waiting_;
  OwnShare share_;
  uint64_t taken_ = 0;     ///< bytes that the kernel has taken
  uint64_t received_ = 0;  ///< bytes that came since the deadline was set
  uint32_t deadline_slot_;
  uint32_t requests_ = 0;
  uint32_t held_back_ = BackgroundSender::kNoPlace;  ///< where the output is with the sender
  uint32_t pace_ = 0;                                ///< that the socket has
  uint16_t turns_ = 0;                               ///< depth
  uint16_t running_ = 0;                             ///< exchanges in the queue
  const bool secure_;
  bool changed_ = false;         ///< answers or input may advance
  bool stalled_ = false;         ///< the next request has to wait until the queue is empty
  bool reading_over_ = false;    ///< no further request is parsed
  bool half_closed_ = false;     ///< the client sends no more
  bool paused_ = false;          ///< the socket is not polled for reading
  bool wants_writable_ = false;  ///< a file waits for the socket
  bool yielded_ = false;         ///< goes on when the others have had their turn
  bool in_writable_ = false;
  bool rearm_queued_ = false;
  bool gathers_ = false;  ///< in this turn
  bool linger_ = false;   ///< read on for a while after the last answer, so that the client gets to see it
  bool closing_ = false;  ///< close at the end of the turn
  Tail tail_ = Tail::kFramed;
};

}  // namespace uwsgiref::net
