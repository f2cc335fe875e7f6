#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "http/request_parser.h"
#include "net/address_block.h"

namespace uwsgiref::net {

/// Whether the clients of a TLS listener are asked to show a certificate.
enum class ClientCertificate : uint8_t { kNotAsked, kOptional, kRequired };

/// What a listener demands of its connections. Times are in milliseconds; 0 switches a timeout off.
struct Settings {
  http::HeadLimits head;
  uint64_t max_body_size = uint64_t{1} << 30;
  uint32_t max_connections = 50'000;
  uint32_t max_connections_per_address = 0;  ///< 0: as many as there may be
  uint32_t max_requests_per_connection = 0;  ///< 0: as many as the client likes
  uint32_t max_pipelined = 16;               ///< requests of one connection that run at the same time
  uint32_t max_queued_bytes = 64 * 1024;     ///< an answer takes no more of its body while so many wait
  /// A file up to this size leaves in one write with its head: a larger one costs less by sendfile(2), as measured.
  uint32_t small_file_size = 16 * 1024;
  uint32_t headers_timeout = 30'000;     ///< from a connection's opening or a head's first byte to the head's last
  uint32_t request_timeout = 60'000;     ///< until the application has begun its answer
  uint32_t body_timeout = 30'000;        ///< between two pieces of a request body
  uint32_t send_timeout = 30'000;        ///< without any byte of the answer that reaches the client
  uint32_t keep_alive_timeout = 75'000;  ///< idle between two requests
  uint32_t min_upload_rate = 240;        ///< bytes a second, of a request body on average; 0: none
  uint32_t min_download_rate = 240;      ///< bytes a second, of an answer on average of send_timeout; 0: none
  uint32_t rate = 0;                     ///< bytes a second that a connection is sent at most; 0: any
  ClientCertificate client_certificate = ClientCertificate::kNotAsked;
  bool report_refusals = false;  ///< whether the gateway wants to hear on_refused
  bool report_answers = false;   ///< whether it wants to hear on_answered
  std::string server;            ///< the Server field's default; empty: none
  std::vector<AddressBlock> trusted_proxies;
  bool proxy_protocol = false;  ///< a connection of theirs begins with a PROXY header

  bool trusts(const PeerAddress& peer) const noexcept { return any_contains(trusted_proxies, peer); }
};

/// A request body up to this size stays in memory while kBodyMemory lasts; any other goes to an unlinked temporary
/// file. Bytes.
inline constexpr size_t kBodyInMemory = 4 * 1024 * 1024;

/// What the request bodies of a loop hold of memory together, until their requests are answered. Bytes.
inline constexpr size_t kBodyMemory = 64 * 1024 * 1024;

/// A request body up to this size stays in memory always, and does not count. Bytes.
inline constexpr size_t kBodyNeverStored = 16 * 1024;

/// What a turn has to send is handed to the kernel as soon as it is this much. Bytes.
inline constexpr size_t kTurnOutput = 64 * 1024;

/// A whole body up to this size is taken whether there is room or not: an exchange has only one.
inline constexpr size_t kSmallBody = 16 * 1024;

/// The most that one write hands to the kernel before it asks again, so that one piece never copies more.
inline constexpr size_t kWriteSlice = 256 * 1024;

/// How long a request body may be slower than its least rate before the rate counts, and an answer where there is no
/// send_timeout. Milliseconds.
inline constexpr uint32_t kRateGrace = 5'000;

/// How a listener drains.
struct Drain {
  /// How long a connection without a request stays: a client that has just sent one, which is still on its way, gets
  /// its answer. Milliseconds.
  uint32_t idle = 250;
  /// Whether connections that wait to be accepted are taken in though others could accept them.
  bool take_waiting = false;
};

/// How long a connection that refused a request reads on behind the last byte that came, so that a client which is
/// still sending gets to read why, and how long at most. Milliseconds.
inline constexpr uint32_t kLingerTimeout = 2'000;
inline constexpr uint32_t kLongestLinger = 30'000;

}  // namespace uwsgiref::net
