#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "http/request_parser.h"

namespace uwsgiref::net {

class Exchange;
class Listener;
class PeerAddress;
class RequestBody;

/// Names an exchange from outside of the engine. A slot is used again; the generation tells whose turn it is, so that
/// a handle gone stale is never more than "closed".
struct ExchangeHandle {
  uint32_t slot;
  uint32_t generation;
};

/// A whole request. Views and references hold during Gateway::on_request alone.
struct Request {
  const http::RequestLine& line;
  std::span<const http::Field> fields;
  std::string_view head;
  std::string_view body;  ///< empty where it is in a file
  RequestBody* stored;    ///< where the body was collected; nullptr when it came with its head
  bool has_body;          ///< the request had a framed body, though it may be of length 0
  bool from_trusted_proxy;
  const PeerAddress& peer;
  const Listener& listener;
  std::string_view client_certificate;  ///< PEM; empty where there is none
};

/// Why an exchange is over before its answer was finished.
enum class Gone : uint8_t {
  kClient,    ///< the client closed the connection, or stopped reading
  kTimedOut,  ///< the application did not begin its answer in time, and the client was told so
};

/// A request that the engine answered by itself, with an error.
struct Refusal {
  uint16_t status;
  std::string_view reason;        ///< a sentence without a line end
  std::string_view request_line;  ///< as far as it is known; may hold any bytes but CR and LF
  const PeerAddress& peer;
};

/// How an answer went, told when it is over: for a log, and for metrics. Times are in microseconds since the request's
/// head was there.
struct Answered {
  ExchangeHandle exchange;  ///< stale already
  uint16_t status;          ///< 0: none was given
  bool complete;            ///< all of it is with the kernel
  uint64_t body_bytes;      ///< that were taken
  uint32_t first_byte;      ///< until the head was given
  uint32_t duration;        ///< until it was over
};

/// Something that an operator should know, and no client is told.
enum class Notice : uint8_t {
  kFileShrank,        ///< a file ended before its announced length; the connection was closed
  kFileError,         ///< reading a file failed; the connection was closed
  kSurplusBody,       ///< an application wrote more than its Content-Length; the surplus was cut
  kShortBody,         ///< an application wrote less than its Content-Length; the connection was closed
  kBodyStoreFailed,   ///< a request body could not be written to its temporary file
  kOutOfDescriptors,  ///< the process has nearly no file descriptors left, and nothing is accepted until it has
  kCannotAccept,      ///< likewise for another reason; it is tried again
  kFileChanged,       ///< a file was written to while it was sent; the connection was closed
};

/// Whoever answers requests: the one seam between the engine and a language. Calls come on the loop's thread, and none
/// about an exchange during a call to its answer, but for on_gone where that call finds the client gone. They must not
/// throw.
class Gateway {
 public:
  virtual ~Gateway() = default;

  /// Encloses the calls that the events of one poll phase cause. Requests that came within may be looked at as late as
  /// at its end, all together.
  virtual void begin_calls() noexcept = 0;
  virtual void end_calls() noexcept = 0;
  /// Follows end_calls(), and asks for answers that were left behind until now.
  virtual void give_answers() noexcept = 0;

  /// A request is complete, with its body. Answer now, or later by the exchange's handle. To answer others meanwhile
  /// may bring about calls of this function from within.
  virtual void on_request(Exchange& exchange, const Request& request) noexcept = 0;

  /// An exchange that took less than it was given has room again, or the file it was given has left.
  virtual void on_ready(ExchangeHandle exchange) noexcept = 0;

  /// The exchange is over before its answer was finished, of which the gateway has more to give, or waits for it to
  /// leave. The handle is stale already, and so are those of the other exchanges of its connection.
  virtual void on_gone(ExchangeHandle exchange, Gone why) noexcept = 0;

  /// An exchange that on_request has told of is over, where the listener's settings want that reported. May come in the
  /// midst of any call into the engine.
  virtual void on_answered(const Answered& answered) noexcept = 0;

  /// For the log. Views hold during the call alone.
  virtual void on_refused(const Listener& listener, const Refusal& refusal) noexcept = 0;

  virtual void on_notice(const Listener& listener, Notice notice, int error_number) noexcept = 0;

  /// A listener that stopped accepting has lost its last connection.
  virtual void on_drained(Listener& listener) noexcept = 0;
};

}  // namespace uwsgiref::net
