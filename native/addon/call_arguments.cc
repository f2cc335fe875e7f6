#include "addon/call_arguments.h"

namespace uwsgiref::addon {

CallArguments::CallArguments(napi_env env, napi_callback_info info) noexcept : env_(env) {
  size_t count = kMax;
  napi_get_cb_info(env, info, &count, values_.data(), nullptr, &data_);
}

uint32_t CallArguments::number(size_t index) const noexcept {
  uint32_t value = 0;
  napi_get_value_uint32(env_, values_[index], &value);
  return value;
}

int64_t CallArguments::integer(size_t index) const noexcept {
  int64_t value = 0;
  napi_get_value_int64(env_, values_[index], &value);
  return value;
}

std::string CallArguments::text(size_t index) const { return to_string(env_, values_[index]); }

void CallArguments::latin1(size_t index, http::ByteBuffer& out) const noexcept {
  size_t room = 1024;
  for (;;) {
    char* place = out.reserve(room);
    size_t written = 0;
    if (napi_get_value_string_latin1(env_, values_[index], place, room, &written) != napi_ok) return;
    if (written + 1 < room) {
      out.grow_by(written);
      return;
    }
    // It may have been cut: Node-API fills what it is given and does not tell.
    size_t length = 0;
    napi_get_value_string_latin1(env_, values_[index], nullptr, 0, &length);
    room = length + 2;
  }
}

std::string_view CallArguments::bytes(size_t index) const noexcept {
  void* data = nullptr;
  size_t length = 0;
  napi_typedarray_type type;
  if (napi_get_typedarray_info(env_, values_[index], &type, &length, &data, nullptr, nullptr) != napi_ok) return {};
  if (type != napi_uint8_array) return {};
  return {static_cast<const char*>(data), length};
}

std::span<int64_t> CallArguments::integers(size_t index) const noexcept {
  void* data = nullptr;
  size_t length = 0;
  napi_typedarray_type type;
  if (napi_get_typedarray_info(env_, values_[index], &type, &length, &data, nullptr, nullptr) != napi_ok) return {};
  if (type != napi_bigint64_array) return {};
  return {static_cast<int64_t*>(data), length};
}

napi_value OptionsReader::property(const char* name, napi_valuetype type) const noexcept {
  napi_value value = nullptr;
  napi_valuetype actual;
  if (napi_get_named_property(env_, object_, name, &value) != napi_ok) return nullptr;
  if (napi_typeof(env_, value, &actual) != napi_ok || actual != type) return nullptr;
  return value;
}

void OptionsReader::read(const char* name, bool& value) const noexcept {
  if (napi_value given = property(name, napi_boolean)) napi_get_value_bool(env_, given, &value);
}

void OptionsReader::read(const char* name, uint32_t& value) const noexcept {
  if (napi_value number = property(name, napi_number)) napi_get_value_uint32(env_, number, &value);
}

void OptionsReader::read(const char* name, uint64_t& value) const noexcept {
  int64_t whole = 0;
  napi_value number = property(name, napi_number);
  if (number && napi_get_value_int64(env_, number, &whole) == napi_ok && whole >= 0) {
    value = static_cast<uint64_t>(whole);
  }
}

void OptionsReader::read(const char* name, std::string& value) const {
  if (napi_value text = property(name, napi_string)) value = to_string(env_, text);
}

void OptionsReader::read(const char* name, std::vector<std::string>& values) const {
  napi_value array = property(name, napi_object);
  uint32_t length = 0;
  if (!array || napi_get_array_length(env_, array, &length) != napi_ok) return;
  values.clear();
  for (uint32_t i = 0; i < length; i++) {
    napi_value element = nullptr;
    if (napi_get_element(env_, array, i, &element) == napi_ok) values.push_back(to_string(env_, element));
  }
}

std::optional<OptionsReader> OptionsReader::object(const char* name) const noexcept {
  napi_value value = property(name, napi_object);
  return value ? std::optional<OptionsReader>({env_, value}) : std::nullopt;
}

std::vector<OptionsReader> OptionsReader::objects(const char* name) const {
  std::vector<OptionsReader> result;
  napi_value list = property(name, napi_object);
  uint32_t length = 0;
  if (!list || napi_get_array_length(env_, list, &length) != napi_ok) return result;
  for (uint32_t i = 0; i < length; i++) {
    napi_value element = nullptr;
    if (napi_get_element(env_, list, i, &element) == napi_ok) result.emplace_back(env_, element);
  }
  return result;
}

std::string to_string(napi_env env, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return {};
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, text.data(), length + 1, &length);
  return text;
}

}  // namespace uwsgiref::addon
