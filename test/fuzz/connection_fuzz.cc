#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "fuzz/connection/client.h"
#include "fuzz/connection/fake_sockets.h"
#include "fuzz/connection/fuzzed_gateway.h"
#include "fuzz/connection/sent_request.h"
#include "fuzz/connection/setup.h"
#include "fuzz/oracle.h"
#include "net/connection.h"
#include "net/event_loop.h"
#include "net/listener.h"
#include "net/settings.h"
#include "net/tls.h"

/// Judges native/net as a whole: a listener and its connections over a fake of uSockets, while clients, the kernel, the
/// clock and applications do what a script says. The input's first ten characters choose the settings, see
/// connection/setup.h; each character behind them is a step, and what it needs follows it:
///
///   o a        a client connects from the address a; over TLS one whose address is odd shows a certificate
///   q c s n    the client c sends a request of the shape s, whose body has the size n; see sent_request.h
///   | c ... |  the client c sends these bytes
///   P c s a    the proxy c sends a header of the shape s, for somebody at the address a; see sent_request.h. Where it
///              does not, one goes before the first that it sends
///   d c n      the server reads up to n bytes of what c has sent, or its end; over TLS first, one by one, the two
///              flights of its handshake
///   f c        the client c says that it sends no more;  x c  it resets the connection
///   k c n      the kernel takes n more bytes for c;  w c n  the same, and the server hears that there is room
///   { }        a poll phase begins, and ends; an event outside of one has its own
///   p          many polls that bring nothing
///   t n        time passes, and the deadlines are looked at
///   a ...      an application answers: act, which answer, size, variant; see FuzzedGateway
///   ! w ...    likewise, in the next callback w
///   b          the background thread sends what is held back
///   h          the next part of a file that is looked for in the page cache is not there;  i  half of it is
///   H          from now on the file system says what is there, or no more;  J  likewise there are threads that read
///   j n        a thread has read what it was to read
///   e n        the next read of a file fails;  s n  the next write of a request body to its file does
///   c n        the next call that accepts a connection fails
///   l n        the limit to descriptors is this
///   R n        a TLS listener gets another certificate, its own (0) or that of a name (2), or one that it cannot use
///
/// A line feed does nothing. When the script is over, everything that is under way is brought to its end, and each
/// client must have received exactly what is due to it; then all connections end, one way or another, and nothing may
/// be left.

using namespace uwsgiref;
using test::choose;
using test::Client;
using test::Ending;
using test::FakeNetwork;
using test::FuzzedGateway;
using test::Order;
using test::Peer;
using test::PollPhase;
using test::RequestStream;
using test::Setup;
using Callback = FuzzedGateway::Callback;
using Kind = RequestStream::Kind;

namespace {

class Run {
 public:
  Run(test::FuzzInput script, Setup setup)
      : script_(script),
        settings_(std::move(setup.settings)),
        gateway_(network_, settings_),
        loop_(nullptr, gateway_, kBodyMemory),
        ending_(setup.ending) {
    std::string refused;
    listener_ = net::Listener::create(loop_, settings_, setup.secure ? &kCertificates : nullptr, refused);
    net::ListeningSocket socket;
    EXPECT(socket.open_tcp("127.0.0.1", 0, {}) == 0);
    if (setup.inherited) {
      net::ListeningSocket inherited;
      EXPECT(inherited.take_over(::dup(socket.fd())) == 0);
      socket = std::move(inherited);
    }
    EXPECT(listener_->listen(std::move(socket)) == 0);
    gateway_.attach(loop_, *listener_);
  }

  void play() {
    while (!script_.rest().empty()) {
      step(script_.take_byte());
      expect_sound();
    }
    come_to_rest();
    end();
  }

 private:
  inline static const net::TlsFiles kCertificates{
      .own = {.key = "key", .certificate = "certificate"}, .authority = "authority", .names = {{"name", {}}}};
  static constexpr int kDescriptors = 1 << 20;
  // Not enough for the largest body, nor for many of those that come next.
  static constexpr size_t kBodyMemory = 256 * 1024;

  void step(uint8_t what) {
    switch (what) {
      case 'o':
        return connect(script_.take_byte());
      case 'q': {
        Client* client = take_client();
        const uint8_t shape = script_.take_byte();
        const uint8_t size = script_.take_byte();
        if (client) send(*client, test::sent_request(shape, size, client->peer.sent.size()));
        return;
      }
      case 'P': {
        Client* client = take_client();
        const uint8_t shape = script_.take_byte();
        const uint8_t address = script_.take_byte();
        if (client && client->peer.sent.empty()) introduce(*client, shape, address);
        return;
      }
      case '|': {
        Client* client = take_client();
        const std::string_view raw = script_.take_until('|');
        if (client) send(*client, raw);
        return;
      }
      case 'd': {
        Client* client = take_client();
        const size_t most = take_amount();
        if (client) read(*client, most);
        return;
      }
      case 'f':
        if (Client* client = take_client()) client->peer.said_all = true;
        return;
      case 'x':
        if (Client* client = take_client()) client->peer.broken = true;
        return;
      case 'k':
      case 'w': {
        Client* client = take_client();
        const size_t room = take_amount();
        if (client) client->peer.room = what == 'k' ? room : std::min(client->peer.room + room, test::kEndlessRoom);
        if (client && what == 'w') write(*client);
        return;
      }
      case '{':
        if (!network_.polling()) network_.begin_poll();
        return;
      case '}':
        if (network_.polling()) network_.end_poll();
        return;
      case 'p':
        end_phase();
        for (int poll = 0; poll < 64; poll++) PollPhase phase(network_);
        return;
      case 't':
        return pass(choose(std::array{10, 100, 250, 500, 1000, 2000, 5000, 30'000, 100'000}, script_.take_byte()));
      case 'a':
        return gateway_.carry_out(take_order());
      case '!': {
        static constexpr std::string_view kCallbacks = "qrgnueaD";
        const size_t when = kCallbacks.find(static_cast<char>(script_.take_byte()));
        const Order order = take_order();
        if (when != std::string_view::npos) gateway_.keep(static_cast<Callback>(when), order);
        return;
      }
      case 'b':
        loop_.sender().send();
        return;
      case 'h':
        network_.disk.cold++;
        return;
      case 'i':
        network_.disk.partly++;
        return;
      case 'H':
        network_.disk.silent = !network_.disk.silent;
        network_.disk.silent_since = network_.now();
        return;
      case 'J':
        network_.disk.threads = !network_.disk.threads;
        return;
      case 'j':
        network_.disk.finish_read(script_.take_byte());
        return;
      case 'e':
        network_.file_error = choose(std::array{EIO, EINTR, EINVAL, EPIPE, EAGAIN}, script_.take_byte());
        return;
      case 'c':
        network_.accept_error =
            choose(std::array{ECONNABORTED, EINTR, EMFILE, ENFILE, ENOMEM, EINVAL}, script_.take_byte());
        limited_ = true;
        return;
      case 's':
        network_.store_error = choose(std::array{ENOSPC, EINTR}, script_.take_byte());
        return;
      case 'l':
        network_.descriptors = choose(std::array{kDescriptors, 8, 10, 12}, script_.take_byte());
        limited_ = true;
        return;
      case 'R':
        return replace_certificates(script_.take_byte());
      default:
        return;
    }
  }

  void replace_certificates(uint8_t choice) {
    if (!listener_->secure()) return;
    const bool usable = (choice & 1) == 0;
    net::TlsFiles others = kCertificates;
    net::CertificateFiles& replaced = (choice & 2) == 0 ? others.own : others.names.front().second;
    replaced.certificate = usable ? "others" : test::kBadCertificate;
    std::string refused;
    EXPECT(listener_->replace_certificates(others, refused) == usable);
    EXPECT(usable || refused == test::kBadCertificate);
  }

  static void introduce(Client& client, uint8_t shape, uint8_t address) {
    if (!client.stream.awaits_proxy_header() || client.peer.said_all) return;
    client.peer.sent = test::sent_proxy_header(shape, address, client.peer.number);
  }

  static void send(Client& client, std::string_view bytes) {
    constexpr size_t kMost = 2 << 20;
    Peer& peer = client.peer;
    if (peer.sent.empty()) introduce(client, '1', 'a');
    if (!peer.said_all && peer.sent.size() < kMost) peer.sent += bytes;
  }

  Client* take_client() {
    const uint8_t which = script_.take_byte();
    auto& clients = gateway_.clients();
    return clients.empty() ? nullptr : &clients[(which - '0') % clients.size()];
  }

  size_t take_amount() {
    return choose(std::array<size_t, 10>{0, 1, 2, 10, 40, 100, 1000, 10'000, 100'000, 1 << 30}, script_.take_byte());
  }

  Order take_order() {
    const auto [act, which, size, variant] = script_.take_bytes<4>();
    return {static_cast<char>(act), which, size, variant};
  }

  void connect(uint8_t address) {
    if (network_.peers().size() == 6) return;
    PollPhase phase(network_);
    const bool listening = network_.accepting();
    const net::PeerAddress from = test::address_of(address);
    const bool room = listener_->connection_count() < settings_.max_connections && allows(from, count_of(from) + 1);
    const uint64_t dropped = loop_.counters().dropped - network_.turned_away;
    Peer* peer = network_.connect(address);
    EXPECT(!peer || room);
    EXPECT(peer || !listening || !room || limited_);
    EXPECT(loop_.counters().dropped - network_.turned_away == dropped);
    if (!peer) return;
    peer->secure = listener_->secure();
    if (peer->secure && address % 2 == 1) peer->certificate = "certificate of " + std::to_string(address);
    Client& client = gateway_.add(*peer);
    client.opened = client.head_begun = client.last_arrival = network_.now();
  }

  static const net::Connection& connection_of(const Peer& peer) {
    return *reinterpret_cast<const net::Connection*>(peer.socket->ext.get());
  }

  /// Who is at the other end, as the engine has it: a header that comes too late names nobody.
  static net::PeerAddress named(const Peer& peer) {
    return peer.socket ? connection_of(peer).peer() : test::address_of(peer.address);
  }

  size_t count_of(const net::PeerAddress& who) const {
    return static_cast<size_t>(std::ranges::count_if(network_.peers(), [&who](const Peer& each) {
      return each.connected() && named(each).network() == who.network();
    }));
  }

  /// Whether so many connections may be that one's.
  bool allows(const net::PeerAddress& peer, size_t count) const {
    const uint32_t most = settings_.max_connections_per_address;
    return most == 0 || settings_.trusts(peer) || count <= most;
  }

  bool read(Client& client, size_t most) {
    const uint64_t dropped = loop_.counters().dropped;
    const bool heard = read_part(client, most);
    if (loop_.counters().dropped == dropped) return heard;
    EXPECT(settings_.max_connections_per_address != 0 && !client.peer.connected());
    client.turned_away = true;
    return heard;
  }

  bool read_part(Client& client, size_t most) {
    PollPhase phase(network_);
    Peer& peer = client.peer;
    if (peer.poll) return read_proxy_header(client, most);
    if (FakeNetwork::delivers(peer)) {
      if (client.stream.next().kind == Kind::kNothing) client.head_begun = network_.now();
      client.last_arrival = network_.now();
      client.stream.append(peer.unread().substr(0, std::max<size_t>(most, 1)));
    }
    return network_.readable(peer, most);
  }

  /// Before a handshake nothing is read that is behind the header.
  bool read_proxy_header(Client& client, size_t most) {
    Peer& peer = client.peer;
    const size_t before = peer.read;
    const std::string_view arrived = peer.unread().substr(0, std::clamp<size_t>(most, 1, http::kMaxBinaryProxyHeader));
    const http::ProxyHeader header =
        http::read_proxy_header(std::string_view(peer.sent).substr(0, before + arrived.size()));
    const bool whole = header.status == http::ProxyHeader::Status::kComplete;
    const std::string_view part = arrived.substr(0, whole ? header.size - before : arrived.size());
    if (!peer.broken) client.stream.append(part);
    const bool heard = network_.readable(peer, most);
    EXPECT(peer.read - before == (peer.broken ? 0 : part.size()));
    return heard;
  }

  bool write(Client& client) {
    PollPhase phase(network_);
    return network_.writable(client.peer);
  }

  void end_phase() {
    if (network_.polling()) network_.end_poll();
  }

  void pass(int milliseconds) {
    end_phase();
    for (Client& client : gateway_.clients()) note_lateness(client, network_.now() + milliseconds);
    network_.pass(milliseconds);
  }

  /// Whether the engine may take what the client has sent of a request for late.
  void note_lateness(Client& client, int64_t now) const {
    if (!client.peer.connected()) return;
    const RequestStream::Next& next = client.stream.next();
    const auto late = [now](int64_t since, uint32_t timeout) { return timeout != 0 && now - since >= timeout; };
    bool perhaps = false;
    if (next.kind == Kind::kHead) {
      perhaps = late(client.stream.taken() == 0 ? client.opened : client.head_begun, settings_.headers_timeout) ||
                (client.peer.poll && listener_->draining());
    } else if (next.kind == Kind::kBody) {
      perhaps = late(client.last_arrival, settings_.body_timeout) ||
                (settings_.min_upload_rate != 0 && late(client.head_begun, net::kRateGrace));
    }
    if (!perhaps) return;
    client.perhaps_late = true;
    (next.head_request ? client.late_head : client.late_other) = true;
  }

  /// What holds between any two steps.
  void expect_sound() {
    for (Client& client : gateway_.clients()) {
      const Peer& peer = client.peer;
      EXPECT(!peer.connected() || allows(named(peer), count_of(named(peer))));
      if (!peer.socket) {
        EXPECT(gateway_.open_answers(client) == 0);
        continue;
      }
      const net::Connection& connection = connection_of(peer);
      const int events = peer.socket->events;
      EXPECT(connection.queued() == 0 || (events & net::kWritable) != 0);
      EXPECT(connection.queued() <= bound() && connection.queued_behind() <= bound());
      EXPECT(!peer.end_read || (events & net::kReadable) == 0 || network_.polling());
      if (network_.polling()) continue;
      // What is there and cannot be taken yet must not become more.
      const Kind next = client.stream.next().kind;
      const auto ends = [](const test::Answer* answer) {
        return !answer->open() &&
               (!answer->persists || answer->says_close || answer->state != test::Answer::State::kFinished ||
                answer->framing == test::Answer::Body::kClose || answer->while_draining);
      };
      const bool over = client.perhaps_late || client.perhaps_lost || client.refused || next == Kind::kError ||
                        std::any_of(client.answers.begin(), client.answers.end(), ends);
      EXPECT(over || next != Kind::kWhole || (events & net::kReadable) == 0);
    }
    gateway_.expect_sound();
    EXPECT(loop_.counters().requests == gateway_.requests());
    EXPECT(loop_.deadlines().count() + listener_->proxied().count() == listener_->connection_count());
    EXPECT(network_.timer_armed() || listener_->connection_count() == 0);
  }

  /// Bytes that one connection may hold for its client, or for the turn of the answers behind.
  size_t bound() const {
    constexpr size_t kHead = 512;  // more than any here
    constexpr size_t kChunk = 32;  // what frames it
    const size_t one = settings_.max_queued_bytes + std::min(gateway_.largest_piece(), net::kWriteSlice) + kChunk;
    return 2 * one + net::kTurnOutput + settings_.small_file_size +
           (settings_.max_pipelined + 1) * (net::kSmallBody + kHead);
  }

  /// Brings everything that is under way to its end.
  void come_to_rest() {
    end_phase();
    gateway_.forget_orders();
    network_.file_error = network_.store_error = 0;
    bool moved = true;
    for (int round = 0; moved; round++) {
      EXPECT(round < 10'000);
      const size_t before = come_so_far();
      { PollPhase phase(network_); }
      moved = gateway_.end_answers() || network_.woken;
      moved = network_.disk.finish_read(0) || moved;
      for (Client& client : gateway_.clients()) {
        client.peer.room = test::kEndlessRoom;
        moved = write(client) || moved;
        moved = read(client, 1 << 30) || moved;
      }
      // Whoever yields goes on in any poll, and may need the disk then.
      moved = moved || !network_.disk.idle() || come_so_far() != before;
      expect_sound();
    }
    EXPECT(network_.disk.idle());
    for (Client& client : gateway_.clients()) {
      EXPECT(gateway_.open_answers(client) == 0);
      // A connection that is closed has ended for good; judge() knows why it may.
      test::judge(client, settings_, true);
    }
  }

  /// Grows whenever anything has come on.
  size_t come_so_far() {
    size_t sum = gateway_.requests();
    for (const Client& client : gateway_.clients()) sum += client.peer.received.size();
    return sum;
  }

  void end() {
    const bool timeouts = settings_.headers_timeout != 0;
    switch (ending_) {
      case Ending::kClients:
        for (Client& client : gateway_.clients()) {
          client.peer.said_all = true;
          read(client, 1);
          EXPECT(!client.peer.connected());
        }
        break;
      case Ending::kDrain:
        listener_->drain();
        [[fallthrough]];
      case Ending::kTime:
        // A refusal has one more wait behind it.
        for (int round = 0; round < 3; round++) pass(100'000);
        for (Client& client : gateway_.clients()) EXPECT(!client.peer.connected() || !timeouts);
        break;
      case Ending::kClose:
      case Ending::kDestruction:
        break;
    }
    network_.descriptors = kDescriptors;
    if (ending_ != Ending::kDestruction) {
      gateway_.carry_out({.act = 'C'});
      EXPECT(listener_->connection_count() == 0);
      if (listener_->draining()) EXPECT(gateway_.drained());
      pass(1000);  // descriptors are looked at once more
      EXPECT(network_.accepting() == !listener_->draining());
    }
    for (Client& client : gateway_.clients()) client.closed_by_order |= client.peer.connected();
    gateway_.detach();
    listener_.reset();
    expect_nothing_left();
  }

  void expect_nothing_left() {
    for (Client& client : gateway_.clients()) {
      EXPECT(!client.peer.connected() && gateway_.open_answers(client) == 0);
      for (const test::Answer* answer : client.answers) EXPECT(answer->reported == settings_.report_answers);
      test::judge(client, settings_, true);
    }
    EXPECT(loop_.counters().connections == network_.adopted);
    EXPECT(loop_.deadlines().count() == 0);
    EXPECT(loop_.body_memory().used() == 0);
    // Nobody who is gone is polled for: that would be a use of freed memory here.
    PollPhase{network_};
    network_.pass(1000);  // descriptors may have been scarce
    EXPECT(!network_.timer_armed());
    // Every exchange is free: so many are taken that the table has to make new ones, and none may be missing.
    constexpr size_t kMore = 200;
    std::array<bool, kMore> seen{};
    for (size_t count = 0; count < kMore; count++) {
      const uint32_t slot = loop_.exchanges().acquire().handle().slot;
      EXPECT(slot < kMore && !seen[slot]);
      seen[slot] = true;
    }
  }

  test::FuzzInput script_;
  FakeNetwork network_;
  const net::Settings settings_;
  FuzzedGateway gateway_;
  net::EventLoop loop_;
  std::unique_ptr<net::Listener> listener_;
  const Ending ending_;
  bool limited_ = false;  ///< descriptors were scarce, or may have been, or accept(2) has failed otherwise
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::FuzzInput script(data, size);
  Run(script, test::take_setup(script)).play();
  return 0;
}
