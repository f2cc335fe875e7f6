#include "addon/values.h"

#include <cstring>
#include <string>

namespace uwsgiref::addon {

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

napi_value boolean(napi_env env, bool value) noexcept {
  napi_value result = nullptr;
  napi_get_boolean(env, value, &result);
  return result;
}

napi_value latin1(napi_env env, std::string_view text) noexcept {
  napi_value result = nullptr;
  napi_create_string_latin1(env, text.data(), text.size(), &result);
  return result;
}

void set(napi_env env, napi_value object, const char* name, napi_value value) noexcept {
  napi_set_named_property(env, object, name, value);
}

void set_functions(napi_env env, napi_value object, std::span<const Function> functions, void* data) noexcept {
  for (const Function& each : functions) {
    napi_value function = nullptr;
    napi_create_function(env, each.name, NAPI_AUTO_LENGTH, each.call, data, &function);
    set(env, object, each.name, function);
  }
}

napi_value throw_system_error(napi_env env, int error_number) {
  napi_throw_error(env, std::to_string(error_number).c_str(), std::strerror(error_number));
  return nullptr;
}

}  // namespace uwsgiref::addon
