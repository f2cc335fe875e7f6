// The module: what JavaScript finds in it, and the engine that it opens.

#define NAPI_VERSION 8
#include <node_api.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>

#include "addon/answers.h"
#include "addon/call_arguments.h"
#include "addon/engine.h"
#include "addon/held_files.h"
#include "addon/javascript_gateway.h"
#include "addon/listeners.h"
#include "addon/open_beneath.h"
#include "addon/sockets.h"
#include "addon/values.h"
#include "http/field_names.h"
#include "net/usockets.h"

namespace uwsgiref::addon {
namespace {

napi_value cgi_keys(napi_env env) noexcept {
  napi_value keys = nullptr;
  napi_create_array_with_length(env, http::kFieldNameCount, &keys);
  for (size_t i = 0; i < http::kFieldNameCount; i++) {
    napi_set_element(env, keys, static_cast<uint32_t>(i), latin1(env, http::cgi_key(static_cast<http::FieldName>(i))));
  }
  return keys;
}

void destroy_engine(void* data) { delete static_cast<Engine*>(data); }

/// The byte offsets and sizes of what lies in the shared memory.
napi_value layout(napi_env env) noexcept {
  napi_value result = nullptr;
  napi_create_object(env, &result);
  set(env, result, "inCall", number(env, offsetof(SharedMemory, in_call)));
  set(env, result, "outboxUsed", number(env, offsetof(SharedMemory, outbox_used)));
  set(env, result, "record", number(env, offsetof(SharedMemory, record)));
  set(env, result, "recordPlaces", number(env, SharedMemory::kRecordPlaces));
  set(env, result, "answeredCount", number(env, offsetof(SharedMemory, answered_count)));
  set(env, result, "answered", number(env, offsetof(SharedMemory, answered)));
  set(env, result, "answeredMost", number(env, SharedMemory::kAnswered));
  set(env, result, "outbox", number(env, offsetof(SharedMemory, outbox)));
  set(env, result, "outboxSize", number(env, SharedMemory::kOutboxSize));
  return result;
}

/// open(path, onRequests, onReady, onGone, onRefused, onNotice, onDrained, onAnswered) → the functions of the engine,
/// with `shared`, the SharedMemory, its `layout`, and `cgiKeys`, the environ keys of the known fields by their number.
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

  void* memory = nullptr;
  napi_value shared = nullptr;
  napi_create_arraybuffer(env, sizeof(SharedMemory), &memory, &shared);

  std::array<napi_value, kCallbackCount> callbacks;
  for (size_t i = 0; i < kCallbackCount; i++) callbacks[i] = arguments[i + 1];
  auto engine = std::make_unique<Engine>();
  engine->gateway = std::make_unique<JavascriptGateway>(env, uv_loop, callbacks, *static_cast<SharedMemory*>(memory),
                                                        arguments.data<HeldFiles>());
  // The engine uses the memory until the environment is torn down, whatever JavaScript lets go of.
  napi_ref shared_reference = nullptr;
  napi_create_reference(env, shared, 1, &shared_reference);

  napi_value functions = nullptr;
  napi_create_object(env, &functions);
  set_functions(env, functions, answer_functions(), engine.get());
  set_functions(env, functions, listener_functions(), engine.get());
  set(env, functions, "tellsClientCertificates", boolean(env, net::tells_client_certificates()));
  set(env, functions, "shared", shared);
  set(env, functions, "layout", layout(env));
  set(env, functions, "cgiKeys", cgi_keys(env));
  napi_add_env_cleanup_hook(env, destroy_engine, engine.release());
  return functions;
}

void destroy_files(void* data) { delete static_cast<HeldFiles*>(data); }

napi_value initialize(napi_env env, napi_value exports) {
  auto* files = new HeldFiles;
  // Called behind the hooks that are added later, so that the files outlive the engine.
  napi_add_env_cleanup_hook(env, destroy_files, files);
  set_functions(env, exports, std::array{Function{"open", open}, Function{"openBeneath", open_beneath}}, files);
  set_functions(env, exports, socket_functions(), nullptr);
  set(env, exports, "files", held_file_functions(env, *files));
  return exports;
}

}  // namespace
}  // namespace uwsgiref::addon

NAPI_MODULE_INIT() { return uwsgiref::addon::initialize(env, exports); }
