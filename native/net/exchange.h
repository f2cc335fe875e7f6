#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/body_decoder.h"
#include "http/byte_buffer.h"
#include "http/request_framing.h"
#include "http/request_parser.h"
#include "http/response_writer.h"
#include "net/body_memory.h"
#include "net/file_transfer.h"
#include "net/gateway.h"
#include "net/request_body.h"

namespace uwsgiref::net {

class Connection;

/// A request whose body arrives after its head: what has to be kept until the gateway gets the whole.
struct HeldRequest {
  http::RequestLine line;
  std::vector<http::Field> fields;
  std::string head;
  http::BodyDecoder decoder;
  RequestBody body;
};

/// One request and its answer. Answers may be given at any time and in any order among the exchanges of a connection;
/// they leave in the order of the requests.
class Exchange {
 public:
  ExchangeHandle handle() const noexcept { return {slot_, generation_}; }
  Connection& connection() const noexcept { return *connection_; }

  // How a gateway answers. Either respond(), or start(), write() and send_part() as often as it likes and finish(), or
  // send_file(). abort() at any time. No call may follow finish(), abort() or a respond() that took the whole body.

  /// Has the answer leave at so many bytes a second at most, and not as the listener's settings say; 0: any.
  void pace(uint32_t bytes_a_second) noexcept;

  /// Gives the head of the answer. On an error nothing was sent, and another head may be tried.
  http::ResponseResult start(const http::ResponseHead& head) noexcept;

  /// Gives bytes of the body; answers how many were taken. If not all, on_ready says when to come with the rest.
  size_t write(std::string_view bytes) noexcept;

  /// The body is complete.
  void finish() noexcept;

  /// A head and a whole body at once; finished if `taken` is all of it, which it is of a body up to kSmallBody.
  http::ResponseResult respond(const http::ResponseHead& head, std::string_view body, size_t& taken) noexcept;

  /// The body is a region of a file, which must stay open until it has left: at once if the answer is true, else
  /// on_ready or on_gone says when. Follows start().
  bool send_file(const FileRegion& region) noexcept;

  /// Likewise, but what is needed of the file is handed over, and nobody waits for it to leave.
  void send_file(const FileRegion& region, HeldFile held) noexcept;

  /// A region of a file as a part of the body, which goes on behind it: more may be given when it has left, and that is
  /// answered and said as of send_file(). All parts are of one file, in one state. The answer must have a
  /// Content-Length.
  bool send_part(const FileRegion& region) noexcept;

  /// Gives up: the connection closes without a proper end of the body, so that the client cannot take it for whole.
  void abort() noexcept;

  bool started() const noexcept { return state_ != State::kRunning; }
  /// Between start() and the end of the body.
  bool streaming() const noexcept { return state_ == State::kStarted && !has_file(); }
  /// The answer ended before its body did.
  bool aborted() const noexcept { return state_ == State::kAborted; }

  /// Microseconds since the request's head was there; 0 where answers are not reported.
  int64_t elapsed() const noexcept;

  /// How the answer leaves; holds after start().
  const http::ResponseFraming& framing() const noexcept { return framing_; }

 private:
  friend class Connection;
  friend class ExchangeTable;

  enum class State : uint8_t {
    kRunning,   ///< the gateway has it, and has not answered
    kStarted,   ///< the head is given
    kFinished,  ///< the answer is complete, here or on the wire
    kAborted,
  };

  /// RFC 9110 §9.2.1, and without a body.
  static bool is_safe(const http::RequestLine& line, const http::RequestFraming& framing) noexcept;
  void begin(Connection& connection, const http::RequestLine& line, const http::RequestFraming& framing,
             bool safe) noexcept;
  /// Begins the answer to a request that the engine refuses; the caller writes it to the sink.
  void begin_refused(Connection& connection) noexcept;
  /// How it went so far; `now` by EventLoop::microseconds().
  Answered outcome(bool complete, int64_t now) const noexcept;
  bool over() const noexcept { return state_ == State::kFinished || state_ == State::kAborted; }
  bool has_file() const noexcept { return file_.active(); }
  /// Whether the gateway is at work on it, or waits for it.
  bool in_hand() const noexcept { return !over() && (waiting_ || !has_file()); }
  http::ByteBuffer& sink() noexcept;
  /// Whether bytes are taken while the queue is full.
  enum class Room : uint8_t { kOfTheQueue, kAlways };

  bool queue_is_full() const noexcept;
  /// How many bytes may be taken now; 0: on_ready will say when.
  size_t portion() noexcept;
  size_t write(std::string_view bytes, Room room) noexcept;
  size_t take(std::string_view bytes, Room room) noexcept;
  void send(std::string_view bytes) noexcept;
  /// Whether it has left, or needs not.
  bool begin_file(FileRegion due, HeldFile held) noexcept;
  /// Sends what can leave of the file.
  void advance_file() noexcept;

  Connection* connection_ = nullptr;
  Exchange* next_ = nullptr;
  uint32_t slot_ = 0;
  uint32_t generation_ = 0;
  State state_ = State::kRunning;
  uint8_t minor_version_ = 1;
  bool head_request_ = false;
  bool keep_alive_ = true;  ///< of the request, then of the answer
  bool safe_ = true;
  bool waiting_ = false;      ///< the gateway waits for on_ready
  bool in_parts_ = false;     ///< a file that has left is not the end of the body
  bool surplus_cut_ = false;  ///< more came than the Content-Length announced
  bool reported_ = false;     ///< the gateway hears of its end
  uint32_t pace_ = 0;         ///< bytes a second at which the answer leaves; 0: any
  int64_t begun_ = 0;         ///< microseconds, where it is reported
  int64_t answered_ = 0;      ///< when the head of the answer was given
  uint64_t body_bytes_ = 0;   ///< taken of the answer
  http::ResponseFraming framing_;
  uint64_t remaining_ = 0;                                       ///< of a body with a Content-Length
  http::ByteBuffer pending_{http::ByteBuffer::Large::kMapping};  ///< of an answer whose turn has not come
  FileTransfer file_;
  std::unique_ptr<HeldRequest> held_;
  BodyMemoryShare body_share_;  ///< of the request, whose body the gateway may keep until it has answered
};

/// All exchanges of a loop, by slot. They are reused, not freed, so that a request allocates nothing.
class ExchangeTable {
 public:
  Exchange& acquire();
  void release(Exchange& exchange) noexcept;

  /// The exchange a handle names, or nullptr when it is over.
  Exchange* find(ExchangeHandle handle) noexcept {
    if (handle.slot >= exchanges_.size()) return nullptr;
    Exchange* exchange = exchanges_[handle.slot].get();
    return exchange->generation_ == handle.generation && exchange->connection_ ? exchange : nullptr;
  }

 private:
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  std::vector<uint32_t> free_;
};

}  // namespace uwsgiref::net
