#include "addon/answers.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "addon/call_arguments.h"
#include "addon/engine.h"
#include "net/connection.h"
#include "net/exchange.h"

namespace uwsgiref::addon {
namespace {

// What an answering call says when it could not do as told. Beyond kRefused the number tells the offending field:
// kRefused - (error + kErrorKinds * field).
constexpr int32_t kGone = -1;
constexpr int32_t kNotAFile = -2;
constexpr int32_t kWrongState = -3;
constexpr int32_t kRefused = -16;
constexpr int32_t kErrorKinds = 16;

int32_t refusal(const http::ResponseResult& result) noexcept {
  return kRefused - (static_cast<int32_t>(result.error) + kErrorKinds * static_cast<int32_t>(result.field));
}

net::Exchange* find_exchange(const CallArguments& arguments) noexcept {
  Engine& engine = arguments.data<Engine>();
  return engine.gateway->loop().exchanges().find({arguments.number(0), arguments.number(1)});
}

/// Reads the head and its count of fields, at `index` and behind it, into `head`.
bool read_head(const CallArguments& arguments, size_t index, StoredHead& head) noexcept {
  http::ByteBuffer& text = arguments.data<Engine>().text;
  text.clear();
  arguments.latin1(index, text);
  return head.assign(text.view(), arguments.number(index + 1));
}

constexpr http::ResponseResult kStrayLineFeed{http::ResponseError::kBadFieldValue, 0};

/// respond(slot, generation, head, fieldCount, body) → bytes of the body taken; all: the answer is finished.
napi_value respond(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::Exchange* exchange = find_exchange(arguments);
  if (!exchange) return small_number(env, kGone);
  if (exchange->started()) return small_number(env, kWrongState);
  StoredHead& head = arguments.data<Engine>().head;
  if (!read_head(arguments, 2, head)) return small_number(env, refusal(kStrayLineFeed));
  size_t taken = 0;
  http::ResponseResult result = exchange->respond(head.head(), arguments.bytes(4), taken);
  if (result.error != http::ResponseError::kNone) return small_number(env, refusal(result));
  return number(env, static_cast<double>(taken));
}

/// start(slot, generation, head, fieldCount, bodyLength) → 0, or 1: no body may follow. `bodyLength` -1: not known.
napi_value start(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::Exchange* exchange = find_exchange(arguments);
  if (!exchange) return small_number(env, kGone);
  if (exchange->started()) return small_number(env, kWrongState);
  StoredHead& stored = arguments.data<Engine>().head;
  if (!read_head(arguments, 2, stored)) return small_number(env, refusal(kStrayLineFeed));
  http::ResponseHead head = stored.head();
  if (int64_t length = arguments.integer(4); length >= 0) head.body_length = static_cast<uint64_t>(length);
  http::ResponseResult result = exchange->start(head);
  if (result.error != http::ResponseError::kNone) return small_number(env, refusal(result));
  return small_number(env, exchange->framing().body == http::ResponseFraming::Body::kNone ? 1 : 0);
}

/// write(slot, generation, bytes) → bytes taken.
napi_value write(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::Exchange* exchange = find_exchange(arguments);
  if (!exchange) return small_number(env, kGone);
  if (!exchange->streaming()) return small_number(env, exchange->aborted() ? kGone : kWrongState);
  return number(env, static_cast<double>(exchange->write(arguments.bytes(2))));
}

/// sendPart(slot, generation, fd, offset, length) → 1: it has left; 0: a callback says when. Of a regular file that has
/// this region, and within an answer that has a Content-Length.
napi_value send_part(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::Exchange* exchange = find_exchange(arguments);
  if (!exchange) return small_number(env, kGone);
  if (!exchange->streaming()) return small_number(env, exchange->aborted() ? kGone : kWrongState);
  if (exchange->framing().body != http::ResponseFraming::Body::kLength) return small_number(env, kWrongState);
  const net::FileRegion region{static_cast<int>(arguments.integer(2)), static_cast<uint64_t>(arguments.integer(3)),
                               static_cast<uint64_t>(arguments.integer(4))};
  return small_number(env, exchange->send_part(region) ? 1 : 0);
}

/// pace(slot, generation, bytesPerSecond)
napi_value pace(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  if (net::Exchange* exchange = find_exchange(arguments)) exchange->pace(arguments.number(2));
  return nullptr;
}

/// finish(slot, generation)
napi_value finish(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::Exchange* exchange = find_exchange(arguments);
  if (exchange && exchange->streaming()) exchange->finish();
  return nullptr;
}

/// abort(slot, generation)
napi_value abort(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  if (net::Exchange* exchange = find_exchange(arguments)) exchange->abort();
  return nullptr;
}

/// sendFile(slot, generation, head, fieldCount, fd, offset, length, verified) → 1: it has left; 0: a callback says
/// when. `offset` -1: the descriptor's own position; `length` -1: to the end of the file. `verified` not 0: the caller
/// knows that this is a regular file, and has both from its size.
napi_value send_file(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::Exchange* exchange = find_exchange(arguments);
  if (!exchange) return small_number(env, kGone);
  if (exchange->started()) return small_number(env, kWrongState);
  auto fd = static_cast<int>(arguments.integer(4));
  int64_t offset = arguments.integer(5);
  int64_t length = arguments.integer(6);

  if (bool verified = arguments.number(7) != 0; !verified) {
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return small_number(env, kNotAFile);
    if (offset < 0) offset = lseek(fd, 0, SEEK_CUR);
    if (offset < 0) return small_number(env, kNotAFile);
    int64_t available = std::max<int64_t>(0, status.st_size - offset);
    length = length < 0 ? available : std::min(length, available);
  }

  StoredHead& stored = arguments.data<Engine>().head;
  if (!read_head(arguments, 2, stored)) return small_number(env, refusal(kStrayLineFeed));
  http::ResponseHead head = stored.head();
  head.body_length = static_cast<uint64_t>(length);
  // Head and file leave together, so that both belong to one turn.
  net::Connection::Turn turn(exchange->connection());
  http::ResponseResult result = exchange->start(head);
  if (result.error != http::ResponseError::kNone) return small_number(env, refusal(result));
  bool left = exchange->send_file({fd, static_cast<uint64_t>(offset), static_cast<uint64_t>(length)});
  return small_number(env, left ? 1 : 0);
}

/// storeHead(number, head, fieldCount) → 0. Answers in the outbox may refer to it from now on.
napi_value store_head(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  StoredHead& stored = arguments.data<Engine>().gateway->stored_head(arguments.number(0));
  if (!read_head(arguments, 1, stored)) return small_number(env, refusal(kStrayLineFeed));
  http::ResponseResult result = stored.prepare();
  return small_number(env, result.error == http::ResponseError::kNone ? 0 : refusal(result));
}

/// giveAnswers(): looks into the outbox, where no call of the gateway is under way that will.
napi_value give_answers(napi_env env, napi_callback_info info) {
  CallArguments(env, info).data<Engine>().gateway->give_answers();
  return nullptr;
}

/// elapsed(slot, generation) → milliseconds since the request's head was there; -1: it is over.
napi_value elapsed(napi_env env, napi_callback_info info) {
  net::Exchange* exchange = find_exchange(CallArguments(env, info));
  return number(env, exchange ? static_cast<double>(exchange->elapsed()) / 1000 : -1);
}

constexpr std::array kFunctions = std::to_array<Function>({
    {"respond", respond},
    {"start", start},
    {"write", write},
    {"pace", pace},
    {"finish", finish},
    {"abort", abort},
    {"sendFile", send_file},
    {"sendPart", send_part},
    {"storeHead", store_head},
    {"giveAnswers", give_answers},
    {"elapsed", elapsed},
});

}  // namespace

std::span<const Function> answer_functions() noexcept { return kFunctions; }

}  // namespace uwsgiref::addon
