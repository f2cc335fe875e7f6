#pragma once

#define NAPI_VERSION 8
#include <node_api.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "addon/request_record.h"
#include "http/byte_buffer.h"
#include "net/event_loop.h"
#include "net/gateway.h"
#include "net/listener.h"

namespace uwsgiref::addon {

/// The functions of JavaScript that the gateway calls.
enum class Callback : uint8_t { kRequest, kReady, kGone, kNotice, kDrained, kCount };

inline constexpr size_t kCallbackCount = static_cast<size_t>(Callback::kCount);

/// A Gateway that answers by calling JavaScript: once for a request, with its text and the shared record of offsets.
/// It owns the event loop and the listeners of one Node environment.
class JavascriptGateway final : public net::Gateway {
 public:
  /// `callbacks` are functions in the order of Callback; `places` is the memory of the shared record.
  JavascriptGateway(napi_env env, void* uv_loop, std::span<const napi_value> callbacks, std::span<uint32_t> places);
  ~JavascriptGateway() override;

  void begin_calls() noexcept override;
  void end_calls() noexcept override;
  void on_request(net::Exchange& exchange, const net::Request& request) noexcept override;
  void on_ready(net::ExchangeHandle exchange) noexcept override;
  void on_gone(net::ExchangeHandle exchange) noexcept override;
  void on_notice(net::Notice notice, int error_number) noexcept override;
  void on_drained(net::Listener& listener) noexcept override;

  net::EventLoop& loop() noexcept { return loop_; }

  /// Keeps the listener under a number that JavaScript knows it by.
  uint32_t add_listener(std::unique_ptr<net::Listener> listener);
  /// nullptr when there is none of that number, or it has drained.
  net::Listener* find_listener(uint32_t number) noexcept;

 private:
  void call(Callback callback, std::span<const napi_value> arguments) noexcept;
  uint32_t number_of(const net::Listener& listener) const noexcept;

  napi_env env_;
  napi_ref receiver_ = nullptr;
  std::array<napi_ref, kCallbackCount> callbacks_{};
  napi_async_context async_context_ = nullptr;
  napi_handle_scope handle_scope_ = nullptr;
  napi_callback_scope callback_scope_ = nullptr;
  std::span<uint32_t> places_;
  http::ByteBuffer text_;
  net::EventLoop loop_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::vector<uint32_t> drained_;
};

}  // namespace uwsgiref::addon
