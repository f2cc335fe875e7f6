// What JavaScript can call. src/server/native-addon.ts describes each function to TypeScript.

#define NAPI_VERSION 8
#include <node_api.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "addon/call_arguments.h"
#include "addon/javascript_gateway.h"
#include "http/field_names.h"
#include "net/connection.h"
#include "net/exchange.h"
#include "net/usockets.h"

namespace uwsgiref::addon {
namespace {

// What an answering call says when it could not do as told. Beyond kRefused the number tells the offending field:
// kRefused - (error + kErrorKinds * field).
constexpr int32_t kGone = -1;
constexpr int32_t kNotAFile = -2;
constexpr int32_t kWrongState = -3;
constexpr int32_t kRefused = -16;
constexpr int32_t kErrorKinds = 16;

/// One Node environment's engine.
struct Engine {
  std::unique_ptr<JavascriptGateway> gateway;
  http::ByteBuffer head_text;
  std::vector<http::ResponseField> fields;
};

napi_value number(napi_env env, double value) noexcept {
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

napi_value small_number(napi_env env, int32_t value) noexcept {
  napi_value result = nullptr;
  napi_create_int32(env, value, &result);
  return result;
}

napi_value latin1(napi_env env, std::string_view text) noexcept {
  napi_value result = nullptr;
  napi_create_string_latin1(env, text.data(), text.size(), &result);
  return result;
}

int32_t refusal(const http::ResponseResult& result) noexcept {
  return kRefused - (static_cast<int32_t>(result.error) + kErrorKinds * static_cast<int32_t>(result.field));
}

void set(napi_env env, napi_value object, const char* name, napi_value value) noexcept {
  napi_set_named_property(env, object, name, value);
}

// --- Answers ---------------------------------------------------------------------------------------------------------

net::Exchange* find_exchange(const CallArguments& arguments) noexcept {
  Engine& engine = arguments.data<Engine>();
  return engine.gateway->loop().exchanges().find({arguments.number(0), arguments.number(1)});
}

/// Reads a head as JavaScript hands it over: status, names and values, each with a line feed behind it. That none of
/// them contains one is checked by counting: `field_count` fields make exactly 1 + 2 * field_count line feeds.
bool read_head(const CallArguments& arguments, size_t index, http::ResponseHead& head) noexcept {
  Engine& engine = arguments.data<Engine>();
  engine.head_text.clear();
  arguments.latin1(index, engine.head_text);
  uint32_t field_count = arguments.number(index + 1);
  std::string_view rest = engine.head_text.view();

  bool complete = true;
  auto take_line = [&]() -> std::string_view {
    size_t end = rest.find('\n');
    if (end == std::string_view::npos) {
      complete = false;
      return {};
    }
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return line;
  };
  head.status = take_line();
  engine.fields.clear();
  for (uint32_t i = 0; i < field_count && complete; i++) {
    std::string_view name = take_line();
    engine.fields.push_back({name, take_line()});
  }
  head.fields = engine.fields;
  return complete && rest.empty();
}

constexpr http::ResponseResult kStrayLineFeed{http::ResponseError::kBadFieldValue, 0};

/// respond(slot, generation, head, fieldCount, body) → bytes of the body taken; all: the answer is finished.
napi_value respond(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::Exchange* exchange = find_exchange(arguments);
  if (!exchange) return small_number(env, kGone);
  if (exchange->started()) return small_number(env, kWrongState);
  http::ResponseHead head;
  if (!read_head(arguments, 2, head)) return small_number(env, refusal(kStrayLineFeed));
  std::string_view body = arguments.bytes(4);
  size_t taken = 0;
  http::ResponseResult result = exchange->respond(head, body, taken);
  if (result.error != http::ResponseError::kNone) return small_number(env, refusal(result));
  return number(env, static_cast<double>(taken));
}

/// start(slot, generation, head, fieldCount, bodyLength) → 0. `bodyLength` -1: not known.
napi_value start(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::Exchange* exchange = find_exchange(arguments);
  if (!exchange) return small_number(env, kGone);
  if (exchange->started()) return small_number(env, kWrongState);
  http::ResponseHead head;
  if (!read_head(arguments, 2, head)) return small_number(env, refusal(kStrayLineFeed));
  if (int64_t length = arguments.integer(4); length >= 0) head.body_length = static_cast<uint64_t>(length);
  http::ResponseResult result = exchange->start(head);
  return small_number(env, result.error == http::ResponseError::kNone ? 0 : refusal(result));
}

/// write(slot, generation, bytes) → bytes taken.
napi_value write(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::Exchange* exchange = find_exchange(arguments);
  if (!exchange) return small_number(env, kGone);
  if (!exchange->streaming()) return small_number(env, kWrongState);
  return number(env, static_cast<double>(exchange->write(arguments.bytes(2))));
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

/// sendFile(slot, generation, head, fieldCount, fd, offset, length) → 1: it has left; 0: a callback says when.
/// `offset` -1: the descriptor's own position; `length` -1: to the end of the file.
napi_value send_file(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::Exchange* exchange = find_exchange(arguments);
  if (!exchange) return small_number(env, kGone);
  if (exchange->started()) return small_number(env, kWrongState);
  auto fd = static_cast<int>(arguments.integer(4));
  int64_t offset = arguments.integer(5);
  int64_t length = arguments.integer(6);

  struct stat status;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return small_number(env, kNotAFile);
  if (offset < 0) offset = lseek(fd, 0, SEEK_CUR);
  if (offset < 0) return small_number(env, kNotAFile);
  int64_t available = std::max<int64_t>(0, status.st_size - offset);
  length = length < 0 ? available : std::min(length, available);

  http::ResponseHead head;
  if (!read_head(arguments, 2, head)) return small_number(env, refusal(kStrayLineFeed));
  head.body_length = static_cast<uint64_t>(length);
  // Head and file leave together, so that both belong to one turn.
  net::Connection::Turn turn(exchange->connection());
  http::ResponseResult result = exchange->start(head);
  if (result.error != http::ResponseError::kNone) return small_number(env, refusal(result));
  bool left = exchange->send_file({fd, static_cast<uint64_t>(offset), static_cast<uint64_t>(length)});
  return small_number(env, left ? 1 : 0);
}

// --- Listeners -------------------------------------------------------------------------------------------------------

napi_value throw_system_error(napi_env env, int error_number) {
  // The code is the number; TypeScript knows the names.
  napi_throw_error(env, std::to_string(error_number).c_str(), std::strerror(error_number));
  return nullptr;
}

/// listen(options) → { listener, port }. Throws an error whose `code` is that of the failed system call.
napi_value listen(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  JavascriptGateway& gateway = *arguments.data<Engine>().gateway;
  OptionsReader options(env, arguments[0]);

  net::Settings settings;
  options.read("maxHeadSize", settings.head.max_head_size);
  options.read("maxTargetLength", settings.head.max_target_length);
  options.read("maxFields", settings.head.max_fields);
  options.read("maxBodySize", settings.max_body_size);
  options.read("maxConnections", settings.max_connections);
  options.read("maxPipelined", settings.max_pipelined);
  options.read("headersTimeout", settings.headers_timeout);
  options.read("bodyTimeout", settings.body_timeout);
  options.read("sendTimeout", settings.send_timeout);
  options.read("keepAliveTimeout", settings.keep_alive_timeout);
  options.read("serverHeader", settings.server);
  settings.head.max_fields = std::min<uint32_t>(settings.head.max_fields, record::kMaxFields);

  net::TlsFiles tls;
  auto tls_options = options.object("tls");
  if (tls_options) {
    tls_options->read("key", tls.key);
    tls_options->read("cert", tls.certificate);
    tls_options->read("ca", tls.authority);
    tls_options->read("passphrase", tls.passphrase);
    tls_options->read("ciphers", tls.ciphers);
  }
  auto listener = net::Listener::create(gateway.loop(), std::move(settings), tls_options ? &tls : nullptr);
  if (!listener) {
    napi_throw_error(env, "ERR_TLS", "the key and certificate cannot be used");
    return nullptr;
  }

  std::string path;
  std::string host;
  uint32_t port = 0;
  options.read("path", path);
  options.read("host", host);
  options.read("port", port);
  int error_number = path.empty() ? listener->listen(host, static_cast<int>(port)) : listener->listen_unix(path);
  if (error_number != 0) return throw_system_error(env, error_number);

  napi_value result = nullptr;
  napi_create_object(env, &result);
  set(env, result, "port", small_number(env, listener->port()));
  set(env, result, "listener", small_number(env, static_cast<int32_t>(gateway.add_listener(std::move(listener)))));
  return result;
}

/// drain(listener): stops accepting; the drained callback says when the last connection is closed.
napi_value drain(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  if (auto* listener = arguments.data<Engine>().gateway->find_listener(arguments.number(0))) listener->drain();
  return nullptr;
}

/// closeConnections(listener): ends what has not ended by itself.
napi_value close_connections(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  if (auto* listener = arguments.data<Engine>().gateway->find_listener(arguments.number(0))) {
    listener->close_connections();
  }
  return nullptr;
}

/// stats(listener) → the loop's counters and the listener's open connections.
napi_value stats(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  JavascriptGateway& gateway = *arguments.data<Engine>().gateway;
  const net::Listener* listener = gateway.find_listener(arguments.number(0));
  const net::Counters& counters = gateway.loop().counters();
  napi_value result = nullptr;
  napi_create_object(env, &result);
  set(env, result, "openConnections", number(env, listener ? listener->connection_count() : 0));
  set(env, result, "connections", number(env, static_cast<double>(counters.connections)));
  set(env, result, "requests", number(env, static_cast<double>(counters.requests)));
  set(env, result, "refused", number(env, static_cast<double>(counters.refused)));
  set(env, result, "sendfileBytes", number(env, static_cast<double>(counters.sendfile_bytes)));
  return result;
}

// --- The module ------------------------------------------------------------------------------------------------------

napi_value cgi_keys(napi_env env) noexcept {
  napi_value keys = nullptr;
  napi_create_array_with_length(env, http::kFieldNameCount, &keys);
  for (size_t i = 0; i < http::kFieldNameCount; i++) {
    napi_set_element(env, keys, static_cast<uint32_t>(i),
                     latin1(env, http::cgi_key(static_cast<http::FieldName>(i))));
  }
  return keys;
}

void destroy_engine(void* data) { delete static_cast<Engine*>(data); }

/// open(path, onRequest, onReady, onGone, onNotice, onDrained) → the functions of the engine, with `record`, the
/// Uint32Array that requests are described in, and `cgiKeys`, the environ keys of the known fields by their number.
/// Throws when the uWebSockets.js binary at `path` cannot be used.
napi_value open(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  std::string error;
  if (!net::load_usockets(arguments.text(0).c_str(), error)) {
    napi_throw_error(env, "ERR_USOCKETS", error.c_str());
    return nullptr;
  }
  uv_loop_s* uv_loop = nullptr;
  napi_get_uv_event_loop(env, &uv_loop);

  void* places = nullptr;
  napi_value memory = nullptr;
  napi_value record = nullptr;
  napi_create_arraybuffer(env, record::kSize * sizeof(uint32_t), &places, &memory);
  napi_create_typedarray(env, napi_uint32_array, record::kSize, memory, 0, &record);

  std::array<napi_value, kCallbackCount> callbacks;
  for (size_t i = 0; i < kCallbackCount; i++) callbacks[i] = arguments[i + 1];
  auto engine = std::make_unique<Engine>();
  engine->gateway = std::make_unique<JavascriptGateway>(
      env, uv_loop, callbacks, std::span(static_cast<uint32_t*>(places), record::kSize));
  // The record's memory lives as long as JavaScript holds it, which the returned object does; it is never given up
  // before the environment is torn down.
  napi_ref record_reference = nullptr;
  napi_create_reference(env, memory, 1, &record_reference);

  napi_value functions = nullptr;
  napi_create_object(env, &functions);
  auto add = [&](const char* name, napi_callback callback) {
    napi_value function = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, engine.get(), &function);
    set(env, functions, name, function);
  };
  add("respond", respond);
  add("start", start);
  add("write", write);
  add("finish", finish);
  add("abort", abort);
  add("sendFile", send_file);
  add("listen", listen);
  add("drain", drain);
  add("closeConnections", close_connections);
  add("stats", stats);
  set(env, functions, "record", record);
  set(env, functions, "cgiKeys", cgi_keys(env));
  napi_add_env_cleanup_hook(env, destroy_engine, engine.release());
  return functions;
}

napi_value initialize(napi_env env, napi_value exports) {
  napi_value function = nullptr;
  napi_create_function(env, "open", NAPI_AUTO_LENGTH, open, nullptr, &function);
  set(env, exports, "open", function);
  return exports;
}

}  // namespace
}  // namespace uwsgiref::addon

NAPI_MODULE_INIT() { return uwsgiref::addon::initialize(env, exports); }
