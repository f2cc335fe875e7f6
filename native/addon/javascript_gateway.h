#pragma once

#define NAPI_VERSION 8
#include <node_api.h>

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "addon/held_files.h"
#include "addon/request_record.h"
#include "http/byte_buffer.h"
#include "http/response_writer.h"
#include "net/event_loop.h"
#include "net/gateway.h"
#include "net/listener.h"

namespace uwsgiref::addon {

/// The functions of JavaScript that the gateway calls.
enum class Callback : uint8_t { kRequests, kReady, kGone, kRefused, kNotice, kDrained, kAnswered, kCount };

inline constexpr size_t kCallbackCount = static_cast<size_t>(Callback::kCount);

/// The memory that the gateway and JavaScript share, so that neither a request's parts nor a small answer cross one by
/// one. src/server/request-record.ts and src/server/outbox.ts name the same places.
struct SharedMemory {
  /// Records of the requests of one call.
  static constexpr size_t kRecordPlaces = 4 * record::kMaxSize;
  /// Answers that JavaScript leaves until the call it is in is over: kAnswerPlaces numbers and a body of at most
  /// net::kSmallBody, each.
  static constexpr size_t kOutboxSize = 128 * 1024;

  /// Answers that are over, until JavaScript has read of them.
  static constexpr size_t kAnswered = 512;

  enum AnsweredPlace : size_t {
    kAnsweredSlot,
    kAnsweredGeneration,
    kStatus,
    kComplete,
    kBodyBytesHigh,
    kBodyBytesLow,
    kFirstByte,
    kDuration,
    kAnsweredPlaces,
  };
  /// kBodySize is the number of a block or of an open file where the body is one.
  enum AnswerPlace : size_t { kSlot, kGeneration, kHead, kBody, kBodySize, kAnswerPlaces };
  enum Body : uint32_t { kBytes, kBlock, kFile };

  uint32_t in_call;      ///< whether the gateway will look into the outbox by itself
  uint32_t outbox_used;  ///< bytes
  uint32_t record[kRecordPlaces];
  uint32_t answered_count;
  uint32_t answered[kAnswered * kAnsweredPlaces];
  alignas(8) char outbox[kOutboxSize];
};

/// A response head that JavaScript has given once and refers to by number.
class StoredHead {
 public:
  /// Reads a head as JavaScript writes one: status, names and values, each with a line feed behind it. Answers false
  /// where these are not exactly 1 + 2 * field_count, so that one of them contains a line feed itself.
  bool assign(std::string_view text, uint32_t field_count);
  /// Looks at status and fields, once and for all.
  http::ResponseResult prepare() noexcept;
  const http::ResponseHead& head() const noexcept { return head_; }

 private:
  std::string text_;
  std::vector<http::ResponseField> fields_;
  http::PreparedFields prepared_;
  http::ResponseHead head_;
};

/// A Gateway that answers by calling JavaScript: once for the requests that arrived together, with their text and the
/// shared record of offsets. It owns the event loop and the listeners of one Node environment.
class JavascriptGateway final : public net::Gateway {
 public:
  /// `callbacks` are functions in the order of Callback. `files` outlive the gateway.
  JavascriptGateway(napi_env env, void* uv_loop, std::span<const napi_value> callbacks, SharedMemory& shared,
                    HeldFiles& files);
  ~JavascriptGateway() override;

  void begin_calls() noexcept override;
  void end_calls() noexcept override;
  void give_answers() noexcept override;
  void on_request(net::Exchange& exchange, const net::Request& request) noexcept override;
  void on_ready(net::ExchangeHandle exchange) noexcept override;
  void on_gone(net::ExchangeHandle exchange, net::Gone why) noexcept override;
  void on_answered(const net::Answered& answered) noexcept override;
  void on_refused(const net::Listener& listener, const net::Refusal& refusal) noexcept override;
  void on_notice(const net::Listener& listener, net::Notice notice, int error_number) noexcept override;
  void on_drained(net::Listener& listener) noexcept override;

  net::EventLoop& loop() noexcept { return loop_; }

  /// The head of that number, which may be new.
  StoredHead& stored_head(uint32_t number);

  /// Keeps the listener under a number that JavaScript knows it by.
  uint32_t add_listener(std::unique_ptr<net::Listener> listener);
  /// nullptr when there is none of that number, or it has drained.
  net::Listener* find_listener(uint32_t number) noexcept;

 private:
  void call_with_requests(std::string_view body, net::RequestBody* stored = nullptr) noexcept;
  /// Takes over what an answer in the outbox refers to; `region` is what there is to send of it.
  net::HeldFile take_file(SharedMemory::Body body, uint32_t number, net::FileRegion& region) noexcept;
  void call(Callback callback, std::span<const napi_value> arguments) noexcept;
  uint32_t number_of(const net::Listener& listener) const noexcept;

  napi_env env_;
  napi_ref receiver_ = nullptr;
  std::array<napi_ref, kCallbackCount> callbacks_{};
  SharedMemory& shared_;
  HeldFiles& files_;
  size_t outbox_read_ = 0;
  bool enclosed_ = false;
  bool silent_ = false;
  http::ByteBuffer text_;         ///< of the requests that wait for their call
  uint32_t waiting_ = 0;          ///< how many they are
  size_t places_used_ = 0;        ///< by their records
  std::deque<StoredHead> heads_;  // a deque, because a head's views must not move
  net::EventLoop loop_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::vector<uint32_t> drained_;
};

}  // namespace uwsgiref::addon
