#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "fuzz/connection/answer_head.h"
#include "fuzz/connection/client.h"
#include "net/event_loop.h"
#include "net/exchange.h"
#include "net/file_blocks.h"
#include "net/gateway.h"
#include "net/listener.h"
#include "net/open_files.h"

namespace uwsgiref::test {

/// Applications that answer as they are ordered to: at once or later, in any order, rightly or not. What they are not
/// to do is refused here, as native/addon/answers.cc refuses it.
class FuzzedGateway final : public net::Gateway {
 public:
  /// Where an order can be carried out.
  enum class Callback : uint8_t {
    kRequest,
    kReady,
    kGone,
    kNotice,
    kRefused,
    kEndCalls,
    kGiveAnswers,
    kDrained,
    kCount
  };

  FuzzedGateway(FakeNetwork& network, const net::Settings& settings) : network_(network), settings_(settings) {}
  ~FuzzedGateway();

  void attach(net::EventLoop& loop, net::Listener& listener) noexcept { loop_ = &loop, listener_ = &listener; }
  /// The listener is about to go. Nobody is told of anything any more.
  void detach() noexcept { listener_ = nullptr; }
  Client& add(Peer& peer) { return clients_.emplace_back(peer, settings_); }
  std::deque<Client>& clients() noexcept { return clients_; }

  void carry_out(const Order& order);
  /// To be carried out in the next such callback.
  void keep(Callback when, const Order& order) { kept_[static_cast<size_t>(when)].push_back(order); }
  void forget_orders();
  /// Brings each answer that is not waiting one step nearer to its end. Whether there was any to bring.
  bool end_answers();

  size_t requests() const noexcept { return answers_.size(); }
  size_t open_answers(const Client& client) const noexcept;
  size_t largest_piece() const noexcept { return largest_piece_; }
  bool drained() const noexcept { return drained_; }
  /// What holds between any two steps.
  void expect_sound();

  void begin_calls() noexcept override;
  void end_calls() noexcept override;
  void give_answers() noexcept override;
  void on_request(net::Exchange& exchange, const net::Request& request) noexcept override;
  void on_ready(net::ExchangeHandle handle) noexcept override;
  void on_gone(net::ExchangeHandle handle, net::Gone why) noexcept override;
  void on_answered(const net::Answered& answered) noexcept override;
  void on_refused(const net::Listener& listener, const net::Refusal& refusal) noexcept override;
  void on_notice(const net::Listener& listener, net::Notice notice, int error_number) noexcept override;
  void on_drained(net::Listener& listener) noexcept override;

 private:
  void react(Callback callback);
  Answer* pick(uint8_t which);
  Answer& answer_of(net::ExchangeHandle handle);
  Client& client_of(const net::PeerAddress& peer);
  net::Exchange* find(const Answer& answer);
  size_t size_of(uint8_t choice);

  void respond(Answer& answer, const Order& order);
  void start(Answer& answer, const Order& order);
  void write(Answer& answer, size_t size);
  void finish(Answer& answer);
  void abort(Answer& answer);
  void send_file(Answer& answer, const Order& order);
  void send_part(Answer& answer, const Order& order);
  void send_block(Answer& answer, const Order& order);
  void send_held(Answer& answer, const Order& order);
  void shrink_file(Answer& answer, const Order& order);
  void end_file(Answer& answer);
  void end_part(Answer& answer);

  net::OpenFiles held_;
  net::FileBlocks blocks_;
  FakeNetwork& network_;
  const net::Settings& settings_;
  net::EventLoop* loop_ = nullptr;
  net::Listener* listener_ = nullptr;
  std::deque<Client> clients_;
  std::deque<Answer> answers_;
  std::array<std::deque<Order>, static_cast<size_t>(Callback::kCount)> kept_;
  size_t largest_piece_ = 0;
  size_t budget_ = 6 << 20;  ///< bytes that may still be answered
  bool enclosed_ = false;
  bool drained_ = false;
};

}  // namespace uwsgiref::test
