#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "http/request_error.h"
#include "http/request_parser.h"
#include "net/accepted.h"
#include "net/file_descriptor.h"
#include "net/listening_socket.h"
#include "net/peer_address.h"
#include "net/proxied_sockets.h"
#include "net/settings.h"
#include "net/socket_poll.h"
#include "net/tls.h"
#include "net/usockets.h"
#include "net/waiting.h"

namespace uwsgiref::net {

class EventLoop;

/// Accepts connections at one address, all with the same settings. Those of a TLS listener may have different
/// certificates: each keeps the ones it began with.
class Listener {
 public:
  /// `tls`: nullptr for a plain listener. Fails where a certificate cannot be used; nullptr then, and `refused` has
  /// the certificate's path.
  static std::unique_ptr<Listener> create(EventLoop& loop, Settings settings, const TlsFiles* tls,
                                          std::string& refused);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Accepts at the socket from now on. Answers 0 or an errno: EEXIST where this process does so already.
  int listen(ListeningSocket socket) noexcept;

  /// Gives a TLS listener other certificates, for the connections that are accepted from now on. Answers false and
  /// keeps the ones it has where one cannot be used; `refused` has its path.
  bool replace_certificates(const TlsFiles& tls, std::string& refused);

  /// Stops accepting and closes idle connections in a while; the others end with their answers, and so do those that
  /// have been waiting to be accepted, but where others accept at the same socket: those are left to them, unless it is
  /// said otherwise. The gateway hears on_drained when none is left. Called again, it can only shorten `idle`.
  void drain(const Drain& how = {}) noexcept;
  /// Closes what is left.
  void close_connections() noexcept;
  /// Behind a PROXY header it is somebody else who speaks, and the connection counts as that one's from now on. Answers
  /// false where that one has as many as it may have.
  bool introduce(const http::ProxyHeader& header, Accepted& accepted) noexcept;
  /// For the sockets that wait for a PROXY header: one begins its handshake, one is turned away without an answer,
  /// which it could not read before a handshake, and one is gone. The listener may be gone behind the last.
  void adopt(FileDescriptor fd, const Accepted& accepted) noexcept;
  void refuse_handshake(http::RequestError error, const PeerAddress& peer) noexcept;
  void closed(const PeerAddress& peer) noexcept;
  ProxiedSockets& proxied() noexcept { return proxied_; }

  /// Whether waiting connections are let in. The others stay in the kernel's queue.
  void accept(bool accepting) noexcept;

  EventLoop& loop() const noexcept { return loop_; }
  const Settings& settings() const noexcept { return settings_; }
  bool secure() const noexcept { return secure_; }
  bool draining() const noexcept { return drain_idle_.has_value(); }
  /// How long an idle connection stays, in milliseconds; of a listener that drains.
  std::optional<uint32_t> drain_idle() const noexcept { return drain_idle_; }
  uint32_t connection_count() const noexcept { return connection_count_; }
  /// How many connections wait for what, by `Wait`.
  std::array<uint32_t, kWaits> count_waits() noexcept;

  /// For heads that arrive whole, which is nearly all of them. Nobody else's while the gateway has a request of it:
  /// what that answers meanwhile may let in another one.
  http::RequestParser& shared_parser() noexcept { return parser_; }
  bool parser_is_lent() const noexcept { return parser_is_lent_; }
  void lend_parser(bool lent) noexcept { parser_is_lent_ = lent; }

 private:
  Listener(EventLoop& loop, Settings settings, bool secure);
  template <int kSecure>
  void subscribe(us_socket_context_t* context) noexcept;
  /// Connections wait. Of a socket that several processes accept at, those who have fewer go first.
  void on_waiting() noexcept;
  void give_way() noexcept;
  void stop_giving_way() noexcept;
  void on_way_given() noexcept;
  void accept_up_to(int most) noexcept;
  /// Makes a connection of the next that waits, or turns it away. Answers false where there is no more to be had for
  /// now; the listener may be gone then.
  bool accept_one() noexcept;
  template <typename Visit>
  void for_each_connection(Visit visit) noexcept;
  void hurry_connections() noexcept;
  void stop_listening() noexcept;
  bool admits(int fd, const PeerAddress& peer) noexcept;
  bool has_room_for(const PeerAddress& peer) const noexcept;
  void count(const PeerAddress& peer) noexcept;
  void discount(const PeerAddress& peer) noexcept;
  void opened(const PeerAddress& peer) noexcept;

  EventLoop& loop_;
  const Settings settings_;
  const bool secure_;
  std::vector<http::Field> fields_;
  http::RequestParser parser_;
  bool parser_is_lent_ = false;
  us_socket_context_t* context_ = nullptr;  ///< of new connections
  ListeningSocket socket_;
  SocketPoll poll_;  ///< of socket_
  ProxiedSockets proxied_;
  uint32_t connection_count_ = 0;
  std::unordered_map<uint64_t, uint32_t> connections_of_;  ///< by PeerAddress::network, where there is a limit to them
  std::optional<uint32_t> drain_idle_;
  us_timer_t* way_timer_ = nullptr;  ///< made when it is needed
  bool gives_way_ = false;           ///< others are to accept first
  int taken_anyway_ = 1;             ///< connections, where nobody else did
};

}  // namespace uwsgiref::net
