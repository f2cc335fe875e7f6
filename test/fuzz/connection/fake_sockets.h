#pragma once

#include <cstdint>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/connection/fake_tls.h"
#include "net/file_region.h"
#include "net/reader_threads.h"
#include "net/usockets.h"

/// uSockets over memory: net::usockets() of the fuzzer leads here, and so does net::SocketPoll. What is uSockets' own,
/// it does as the library does: when it stops polling, in which order it calls back, and when a closed socket's memory
/// goes. What a caller may not do, it does not forgive. The functions are in fake_usockets.cc, TLS is in fake_tls.h,
/// and fake_system.cc has what native/net asks of the operating system past uSockets.

struct uv_poll_s;

namespace uwsgiref::test {

/// Tells what happens, where FUZZ_TRACE is in the environment: to read what an input does.
template <typename... Parts>
void trace(const Parts&... parts) {
  static const bool wanted = std::getenv("FUZZ_TRACE") != nullptr;
  if (wanted) (std::cerr << ... << parts) << '\n';
}

inline constexpr size_t kTraced = 400;  ///< bytes, of one piece

inline constexpr uint64_t kEndlessRoom = std::numeric_limits<uint64_t>::max() / 2;

/// The client's end of one connection, and the kernel's buffers in between. It outlives the connection.
struct Peer {
  int number = 0;         ///< also the port that it connects from
  int fd = -1;            ///< of the server's end, as long as that is connected()
  uint8_t address = 0;    ///< the last byte of its IPv4 address
  std::string sent;       ///< what the client has sent
  size_t read = 0;        ///< of it, by the server
  bool said_all = false;  ///< a FIN stands behind what was sent; over TLS an alert of closure, or the FIN alone
  bool end_read = false;  ///< the server has seen it
  bool broken = false;    ///< a reset has come
  std::string received;   ///< what the kernel has taken from the server
  uint64_t room = kEndlessRoom;
  bool blocked = false;           ///< it took less than the server had
  uv_poll_s* poll = nullptr;      ///< while uSockets does not have it yet, because of its PROXY header
  size_t arrived = 0;             ///< then: bytes of what is unread that can be received now
  us_socket_t* socket = nullptr;  ///< nullptr once the server has closed
  bool secure = false;            ///< over TLS
  std::string certificate;        ///< that it shows, over TLS
  bool shut_down = false;         ///< the server has ended its half
  bool reset = false;             ///< the server has closed by a reset
  bool ended_in_sweep = false;    ///< it did so because of a deadline, or the like

  std::string_view unread() const { return std::string_view(sent).substr(read); }
  bool connected() const { return socket || poll; }
  /// What it was to get does not matter any more. uSockets closes a TLS socket when its client ends its half.
  bool left() const { return broken || (secure && end_read); }
};

}  // namespace uwsgiref::test

struct us_poll_t {
  int fd = -1;
  int events = 0;
};

struct us_socket_t : us_poll_t {
  us_socket_context_t* context = nullptr;
  uwsgiref::test::Peer* peer = nullptr;
  std::unique_ptr<char[]> ext;
  std::unique_ptr<uwsgiref::test::FakeTls> tls;  ///< of one that has it
  bool closed = false;
};

struct uv_poll_s {
  void (*callback)(void* owner, bool readable) = nullptr;
  void* owner = nullptr;
  uwsgiref::test::Peer* peer = nullptr;  ///< of a connection; else it is the listening socket's
  bool readable = true;                  ///< what it polls for
};

struct us_socket_context_t {
  us_loop_t* loop = nullptr;
  bool secure = false;
  std::unique_ptr<char[]> ext;
  us_socket_t* (*on_open)(us_socket_t*, int, char*, int) = nullptr;
  us_socket_t* (*on_close)(us_socket_t*, int, void*) = nullptr;
  us_socket_t* (*on_data)(us_socket_t*, char*, int) = nullptr;
  us_socket_t* (*on_writable)(us_socket_t*) = nullptr;
  us_socket_t* (*on_end)(us_socket_t*) = nullptr;
};

struct us_timer_t {
  std::unique_ptr<char[]> ext;
  void (*callback)(us_timer_t*) = nullptr;
  int64_t due = 0;
  int repeat = 0;
};

struct us_loop_t {
  std::unique_ptr<char[]> ext;
  void (*wakeup)(us_loop_t*) = nullptr;
  void (*pre)(us_loop_t*) = nullptr;
  void (*post)(us_loop_t*) = nullptr;
  bool last_write_failed = false;
};

namespace uwsgiref::test {

/// Files, as far as they are in memory, and the threads that read them. See fake_disk.cc.
class FakeDisk {
 public:
  size_t cold = 0;      ///< looks into the page cache that find nothing
  size_t partly = 0;    ///< looks that find half of it, as at a page with which the kernel would begin to read ahead
  bool silent = false;  ///< the file system does not say what is there
  int64_t silent_since = 0;
  bool threads = true;  ///< there are threads

  // What the engine asks.
  bool is_cold(const net::FileRegion& region);
  uint64_t cached_part(uint64_t length);
  bool start(net::PageRead read);
  std::optional<net::PageRead> take_finished();
  void forget_reads() { reads_.clear(), finished_.clear(); }

  /// One of the reads that the threads have in hand comes to its end. Whether there was one.
  bool finish_read(size_t which);
  /// The engine's own reads wait for no disk.
  void expect_at_hand(int file, uint64_t offset, size_t length) const;
  bool idle() const noexcept { return reads_.empty() && finished_.empty(); }

 private:
  /// A part of a file, which is known by its inode.
  struct Part {
    uint64_t inode;
    uint64_t begin;
    uint64_t end;
  };

  void note_read(const net::PageRead& read);

  std::vector<Part> missing_;  ///< looked for in vain
  std::vector<Part> read_;     ///< by a thread
  std::deque<net::PageRead> reads_;
  std::deque<net::PageRead> finished_;
};

/// A certificate of this name cannot be used.
inline constexpr std::string_view kBadCertificate = "bad";

/// All there is of uSockets and the kernel in one run; the running one is active().
class FakeNetwork {
 public:
  FakeNetwork();
  ~FakeNetwork();
  FakeNetwork(const FakeNetwork&) = delete;
  FakeNetwork& operator=(const FakeNetwork&) = delete;

  /// nullptr between two runs.
  static FakeNetwork* active() noexcept { return active_; }

  // The loop.
  bool polling() const noexcept { return polling_; }
  void begin_poll();
  void end_poll();
  int64_t now() const noexcept { return now_; }
  /// Lets time pass, and calls the timers that are due. Outside of a poll phase.
  void pass(int milliseconds);
  bool timer_armed() const;

  // Events, within a poll phase. Each answers whether there was one: a socket hears only of what it polls for.
  /// nullptr where the listener does not accept. A connection that it leaves waiting goes away by itself.
  Peer* connect(uint8_t address);
  bool readable(Peer& peer, size_t most);  ///< a flight of the handshake, bytes, then the end, or an error
  bool writable(Peer& peer);

  /// A connection that uSockets does not have yet; see net::ProxiedSockets.
  bool readable_by_poll(Peer& peer, size_t most);
  /// Whether readable() would hand over bytes of the client's.
  static bool delivers(const Peer& peer);
  /// Whether the kernel has bytes of it, or its end, that uSockets has not read.
  static bool has_unread(const Peer& peer);

  const std::deque<Peer>& peers() const noexcept { return peers_; }
  bool accepting() const { return listening_poll != nullptr && listening_poll->readable; }

  // What the operating system says; see fake_system.cc, and fake_disk.cc.
  Peer* peer_of(int fd);
  /// The descriptor of the connection that waits; -1 where errno says why not.
  int accept(Peer*& peer);
  int descriptors = 1 << 20;      ///< the limit to them
  std::vector<int> files;         ///< that an application holds open
  bool file_fails(int file);      ///< whether the next read of it does; errno says how
  int accept_error = 0;           ///< errno of the next call that accepts
  int file_error = 0;             ///< errno of the next call that reads a file
  bool file_error_given = false;  ///< there was such a call
  int store_error = 0;            ///< errno of the next write to a request body's file
  size_t admitted = 0, turned_away = 0;
  size_t adopted = 0;  ///< by uSockets

  FakeDisk disk;

  // For the table of functions, and SocketPoll.
  us_loop_t* loop = nullptr;
  us_timer_t* timer = nullptr;
  bool woken = false;  ///< the engine has work left that the next poll must not wait with
  uv_poll_s* listening_poll = nullptr;
  uv_poll_s* create_poll(int fd);
  void free_poll(uv_poll_s* poll);
  us_socket_context_t* create_context(bool secure, size_t ext_size, const us_socket_context_options_t& options);
  void free_context(us_socket_context_t* context);
  us_socket_t* adopt(us_socket_context_t* context, int fd, size_t ext_size, char* address, int address_size);
  us_socket_t* close(us_socket_t* socket);
  /// How many of so many bytes the kernel takes. Where it is fewer, uSockets polls for more room.
  static size_t take(us_socket_t& socket, size_t size);
  /// The same by us_socket_write: after on_writable, too.
  static size_t write(us_socket_t& socket, size_t size);

 private:
  static FakeNetwork* active_;
  std::deque<Peer> peers_;
  Peer* waiting_ = nullptr;  ///< to be accepted
  int accepted_ = -1;        ///< its descriptor, once it is
  std::vector<std::unique_ptr<us_socket_context_t>> contexts_;
  std::vector<std::unique_ptr<us_socket_t>> sockets_;
  std::vector<std::unique_ptr<us_socket_t>> closed_;
  int64_t now_ = 1'000'000;
  bool polling_ = false;
  bool sweeping_ = false;
};

/// Events belong to a poll phase: one that is under way, or one of their own.
class PollPhase {
 public:
  explicit PollPhase(FakeNetwork& network) : network_(network), own_(!network.polling()) {
    if (own_) network_.begin_poll();
  }
  ~PollPhase() {
    if (own_) network_.end_poll();
  }
  PollPhase(const PollPhase&) = delete;
  PollPhase& operator=(const PollPhase&) = delete;

 private:
  FakeNetwork& network_;
  const bool own_;
};

}  // namespace uwsgiref::test
