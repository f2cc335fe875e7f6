#pragma once

#define NAPI_VERSION 8
#include <node_api.h>

#include <cstdint>
#include <span>
#include <string_view>

namespace uwsgiref::addon {

// Values for JavaScript.

napi_value number(napi_env env, double value) noexcept;
napi_value small_number(napi_env env, int32_t value) noexcept;
napi_value boolean(napi_env env, bool value) noexcept;
napi_value latin1(napi_env env, std::string_view text) noexcept;

void set(napi_env env, napi_value object, const char* name, napi_value value) noexcept;

/// What JavaScript calls by a name.
struct Function {
  const char* name;
  napi_callback call;
};

/// Makes them properties of an object; each finds `data` by CallArguments::data().
void set_functions(napi_env env, napi_value object, std::span<const Function> functions, void* data) noexcept;

/// Throws an error whose `code` is the number, of which TypeScript knows the name, and answers nullptr.
napi_value throw_system_error(napi_env env, int error_number);

}  // namespace uwsgiref::addon
