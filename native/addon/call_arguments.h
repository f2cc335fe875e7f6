#pragma once

#define NAPI_VERSION 8
#include <node_api.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/byte_buffer.h"

namespace uwsgiref::addon {

/// The arguments of one call from JavaScript. src/server/native-addon.ts declares their types and is the only caller,
/// so that a wrong one reads as 0 or empty here rather than as an error.
class CallArguments {
 public:
  static constexpr size_t kMax = 8;

  CallArguments(napi_env env, napi_callback_info info) noexcept;

  napi_value operator[](size_t index) const noexcept { return values_[index]; }
  template <typename Data>
  Data& data() const noexcept {
    return *static_cast<Data*>(data_);
  }

  uint32_t number(size_t index) const noexcept;
  int64_t integer(size_t index) const noexcept;
  std::string text(size_t index) const;
  /// Appends a string of ISO-8859-1 characters to `out`; a character beyond them would lose its high byte.
  void latin1(size_t index, http::ByteBuffer& out) const noexcept;
  /// The memory of a Uint8Array, valid during the call; empty for anything else.
  std::string_view bytes(size_t index) const noexcept;
  /// Likewise of a BigInt64Array.
  std::span<int64_t> integers(size_t index) const noexcept;

 private:
  napi_env env_;
  void* data_ = nullptr;
  std::array<napi_value, kMax> values_{};
};

/// Reads the options object of listen(): absent properties keep their default.
class OptionsReader {
 public:
  OptionsReader(napi_env env, napi_value object) noexcept : env_(env), object_(object) {}

  void read(const char* name, bool& value) const noexcept;
  void read(const char* name, uint32_t& value) const noexcept;
  void read(const char* name, uint64_t& value) const noexcept;
  void read(const char* name, std::string& value) const;
  /// An array of strings.
  void read(const char* name, std::vector<std::string>& values) const;
  std::optional<OptionsReader> object(const char* name) const noexcept;
  /// The objects of a list; none where there is no list.
  std::vector<OptionsReader> objects(const char* name) const;

 private:
  napi_value property(const char* name, napi_valuetype type) const noexcept;

  napi_env env_;
  napi_value object_;
};

std::string to_string(napi_env env, napi_value value);

}  // namespace uwsgiref::addon
