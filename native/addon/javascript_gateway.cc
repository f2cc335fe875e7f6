#include "addon/javascript_gateway.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "addon/values.h"
#include "net/connection.h"
#include "net/exchange.h"
#include "net/peer_address.h"
#include "net/request_body.h"

namespace uwsgiref::addon {
namespace {

// Bytes of a request body from which on it is not copied.
constexpr size_t kHandedOver = 64 * 1024;

/// A Buffer of a request's body. A large one changes hands; to copy a small one costs less than to hear that it is
/// free.
napi_value body_buffer(napi_env env, std::string_view body, net::RequestBody* stored) noexcept {
  napi_value result = nullptr;
  if (stored && body.size() >= kHandedOver) {
    auto release = [](napi_env, void* data, void*) { std::free(data); };
    char* data = stored->take_memory();
    // V8 looks how much memory young buffers hold when it allocates one, and frees those that are gone by a scavenge;
    // of those that it is given it takes no notice until only a full collection is left. With Node 24 it is so of all.
    void* nothing = nullptr;
    napi_create_arraybuffer(env, 1, &nothing, &result);
    if (napi_create_external_buffer(env, body.size(), data, release, nullptr, &result) == napi_ok) return result;
    // A runtime may forbid memory that is not its own: napi_no_external_buffers_allowed.
    napi_create_buffer_copy(env, body.size(), data, nullptr, &result);
    std::free(data);
    return result;
  }
  napi_create_buffer_copy(env, body.size(), body.data(), nullptr, &result);
  return result;
}

/// Handles made within it are let go at its end.
class HandleScope {
 public:
  explicit HandleScope(napi_env env) noexcept : env_(env) { napi_open_handle_scope(env_, &scope_); }
  ~HandleScope() { napi_close_handle_scope(env_, scope_); }
  HandleScope(const HandleScope&) = delete;
  HandleScope& operator=(const HandleScope&) = delete;

 private:
  napi_env env_;
  napi_handle_scope scope_ = nullptr;
};

}  // namespace

JavascriptGateway::JavascriptGateway(napi_env env, void* uv_loop, std::span<const napi_value> callbacks,
                                     SharedMemory& shared, HeldFiles& files)
    : env_(env), shared_(shared), files_(files), loop_(uv_loop, *this) {
  for (size_t i = 0; i < kCallbackCount; i++) napi_create_reference(env_, callbacks[i], 1, &callbacks_[i]);
  napi_value receiver = nullptr;
  napi_create_object(env_, &receiver);
  napi_create_reference(env_, receiver, 1, &receiver_);
}

JavascriptGateway::~JavascriptGateway() {
  // The environment is being torn down, and no JavaScript may run any more.
  silent_ = true;
  listeners_.clear();
  for (napi_ref callback : callbacks_) napi_delete_reference(env_, callback);
  napi_delete_reference(env_, receiver_);
}

void JavascriptGateway::begin_calls() noexcept {
  enclosed_ = true;
  shared_.in_call = 1;
}

void JavascriptGateway::end_calls() noexcept {
  enclosed_ = false;
  if (waiting_ > 0) call_with_requests({});
  shared_.in_call = 0;
}

void JavascriptGateway::give_answers() noexcept {
  // An answer may let further requests in, whose answers go behind the ones that are read here, or have the outbox
  // emptied from within; so that the place of reading is the gateway's, not this frame's.
  // Answers of one connection that follow each other are one turn, and leave in one write.
  std::optional<net::Connection::Turn> turn;
  const net::Connection* connection = nullptr;
  while (outbox_read_ < shared_.outbox_used) {
    std::array<uint32_t, SharedMemory::kAnswerPlaces> answer;
    std::memcpy(answer.data(), shared_.outbox + outbox_read_, sizeof answer);
    net::ExchangeHandle handle{answer[SharedMemory::kSlot], answer[SharedMemory::kGeneration]};
    net::Exchange* exchange = loop_.exchanges().find(handle);
    if (turn && !(exchange && &exchange->connection() == connection)) {
      // With the turn further answers may be put here and given, over those that stand here now: nothing of the next
      // one is taken before.
      turn.reset();
      continue;
    }
    outbox_read_ += sizeof answer;
    auto kind = static_cast<SharedMemory::Body>(answer[SharedMemory::kBody]);
    std::string_view body;
    net::FileRegion region;
    net::HeldFile held;
    if (kind == SharedMemory::kBytes) {
      size_t size = std::min<size_t>(answer[SharedMemory::kBodySize], SharedMemory::kOutboxSize - outbox_read_);
      body = {shared_.outbox + outbox_read_, size};
      outbox_read_ += (size + 3) & ~size_t{3};
    } else {
      held = take_file(kind, answer[SharedMemory::kBodySize], region);
    }
    if (!exchange || exchange->started() || answer[SharedMemory::kHead] >= heads_.size()) continue;
    connection = &exchange->connection();
    if (!turn) turn.emplace(exchange->connection());
    http::ResponseHead head = heads_[answer[SharedMemory::kHead]].head();
    if (kind == SharedMemory::kBytes) {
      size_t taken = 0;
      exchange->respond(head, body, taken);
    } else {
      head.body_length = region.length;
      exchange->start(head);
      exchange->send_file(region, std::move(held));
    }
  }
  outbox_read_ = 0;
  shared_.outbox_used = 0;
  // With the last turn more answers may have come.
  if (turn) {
    turn.reset();
    if (shared_.outbox_used > 0) give_answers();
  }
}

net::HeldFile JavascriptGateway::take_file(SharedMemory::Body body, uint32_t number, net::FileRegion& region) noexcept {
  net::HeldFile held;
  if (body == SharedMemory::kBlock && files_.blocks.has(number)) {
    held.block = {files_.blocks, number};
    region.length = held.block.view().size();
  } else if (body == SharedMemory::kFile && files_.open.has(number)) {
    held.open = {files_.open, number};
    region = {files_.open.descriptor(number), 0, static_cast<uint64_t>(files_.open.state(number).size)};
  }
  return held;
}

void JavascriptGateway::call(Callback callback, std::span<const napi_value> arguments) noexcept {
  if (silent_) return;
  // JavaScript hears of things in their order: of a request before the client, or the listener, that is gone.
  if (callback != Callback::kRequests && waiting_ > 0) call_with_requests({});
  napi_value receiver = nullptr;
  napi_value function = nullptr;
  napi_get_reference_value(env_, receiver_, &receiver);
  napi_get_reference_value(env_, callbacks_[static_cast<size_t>(callback)], &function);
  // Runs process.nextTick's queue and the microtasks behind it, as Node does behind each of its own callbacks, unless
  // JavaScript is on the stack already.
  napi_status status =
      napi_make_callback(env_, nullptr, receiver, function, arguments.size(), arguments.data(), nullptr);
  if (status != napi_pending_exception) return;
  napi_value error = nullptr;
  napi_get_and_clear_last_exception(env_, &error);
  napi_fatal_exception(env_, error);
}

void JavascriptGateway::on_request(net::Exchange& exchange, const net::Request& request) noexcept {
  auto full = [this] { return SharedMemory::kRecordPlaces - places_used_ < record::kMaxSize; };
  // A body crosses with its request alone. What is answered meanwhile may let further requests in.
  while (waiting_ > 0 && (request.has_body || full())) call_with_requests({});
  std::span<uint32_t> places = std::span(shared_.record).subspan(places_used_);
  net::ExchangeHandle handle = exchange.handle();
  places[record::kSlot] = handle.slot;
  places[record::kGeneration] = handle.generation;
  places[record::kListener] = number_of(request.listener);
  places_used_ += write_request_record(request, places, text_);
  waiting_++;
  if (!enclosed_ || request.has_body) call_with_requests(request.body, request.stored);
}

void JavascriptGateway::call_with_requests(std::string_view body, net::RequestBody* stored) noexcept {
  HandleScope scope(env_);
  std::array<napi_value, 3> arguments{latin1(env_, text_.view()), number(env_, waiting_)};
  size_t count = 2;
  if (!body.empty()) {
    arguments[2] = body_buffer(env_, body, stored);
    count = 3;
  }
  text_.clear();
  waiting_ = 0;
  places_used_ = 0;
  call(Callback::kRequests, std::span(arguments).first(count));
}

void JavascriptGateway::on_ready(net::ExchangeHandle exchange) noexcept {
  HandleScope scope(env_);
  call(Callback::kReady, std::array{number(env_, exchange.slot), number(env_, exchange.generation)});
}

void JavascriptGateway::on_gone(net::ExchangeHandle exchange, net::Gone why) noexcept {
  HandleScope scope(env_);
  call(Callback::kGone, std::array{number(env_, exchange.slot), number(env_, exchange.generation),
                                   number(env_, static_cast<uint32_t>(why))});
}

void JavascriptGateway::on_answered(const net::Answered& answered) noexcept {
  if (silent_) return;
  if (shared_.answered_count == SharedMemory::kAnswered) {
    HandleScope scope(env_);
    call(Callback::kAnswered, {});
    shared_.answered_count = 0;
  }
  std::span<uint32_t> places =
      std::span(shared_.answered).subspan(shared_.answered_count * SharedMemory::kAnsweredPlaces);
  places[SharedMemory::kAnsweredSlot] = answered.exchange.slot;
  places[SharedMemory::kAnsweredGeneration] = answered.exchange.generation;
  places[SharedMemory::kStatus] = answered.status;
  places[SharedMemory::kComplete] = answered.complete;
  places[SharedMemory::kBodyBytesHigh] = static_cast<uint32_t>(answered.body_bytes >> 32);
  places[SharedMemory::kBodyBytesLow] = static_cast<uint32_t>(answered.body_bytes);
  places[SharedMemory::kFirstByte] = answered.first_byte;
  places[SharedMemory::kDuration] = answered.duration;
  shared_.answered_count++;
}

void JavascriptGateway::on_refused(const net::Listener& listener, const net::Refusal& refusal) noexcept {
  HandleScope scope(env_);
  std::array<char, net::PeerAddress::kMaxText> address;
  size_t address_size = refusal.peer.write_text(address.data());
  call(Callback::kRefused, std::array{number(env_, number_of(listener)), number(env_, refusal.status),
                                      latin1(env_, refusal.reason), latin1(env_, refusal.request_line),
                                      latin1(env_, {address.data(), address_size}), number(env_, refusal.peer.port())});
}

void JavascriptGateway::on_notice(const net::Listener& listener, net::Notice notice, int error_number) noexcept {
  HandleScope scope(env_);
  call(Callback::kNotice, std::array{number(env_, number_of(listener)), number(env_, static_cast<uint32_t>(notice)),
                                     number(env_, static_cast<uint32_t>(error_number))});
}

void JavascriptGateway::on_drained(net::Listener& listener) noexcept {
  HandleScope scope(env_);
  uint32_t listener_number = number_of(listener);
  // The listener is in the midst of its last connection's close; it is freed when the next one is added.
  drained_.push_back(listener_number);
  call(Callback::kDrained, std::array{number(env_, listener_number)});
}

StoredHead& JavascriptGateway::stored_head(uint32_t number) {
  if (number >= heads_.size()) heads_.resize(number + 1);
  return heads_[number];
}

bool StoredHead::assign(std::string_view text, uint32_t field_count) {
  text_ = text;
  std::string_view rest = text_;
  bool complete = true;
  auto take_line = [&]() -> std::string_view {
    size_t end = rest.find('\n');
    complete = complete && end != std::string_view::npos;
    if (!complete) return {};
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return line;
  };
  head_.status = take_line();
  fields_.clear();
  for (uint32_t i = 0; i < field_count && complete; i++) {
    std::string_view name = take_line();
    fields_.push_back({name, take_line()});
  }
  head_.fields = fields_;
  head_.prepared = nullptr;
  return complete && rest.empty();
}

http::ResponseResult StoredHead::prepare() noexcept {
  const http::ResponseResult result = http::prepare_fields(head_, prepared_);
  if (result.error == http::ResponseError::kNone) head_.prepared = &prepared_;
  return result;
}

uint32_t JavascriptGateway::add_listener(std::unique_ptr<net::Listener> listener) {
  for (uint32_t drained : drained_) listeners_[drained].reset();
  drained_.clear();
  auto free = std::find(listeners_.begin(), listeners_.end(), nullptr);
  if (free == listeners_.end()) free = listeners_.emplace(free);
  *free = std::move(listener);
  return static_cast<uint32_t>(free - listeners_.begin());
}

net::Listener* JavascriptGateway::find_listener(uint32_t number) noexcept {
  bool drained = std::find(drained_.begin(), drained_.end(), number) != drained_.end();
  return number < listeners_.size() && !drained ? listeners_[number].get() : nullptr;
}

uint32_t JavascriptGateway::number_of(const net::Listener& listener) const noexcept {
  auto found = std::find_if(listeners_.begin(), listeners_.end(),
                            [&](const std::unique_ptr<net::Listener>& each) { return each.get() == &listener; });
  return static_cast<uint32_t>(found - listeners_.begin());
}

}  // namespace uwsgiref::addon
