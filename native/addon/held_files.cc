#include "addon/held_files.h"

#include <array>
#include <cstdint>
#include <span>

#include "addon/call_arguments.h"
#include "addon/file_state.h"
#include "addon/values.h"
#include "net/page_cache.h"

namespace uwsgiref::addon {
namespace {

// What read() says where it has no block.
constexpr int32_t kChanged = -1;
constexpr int32_t kNotAtHand = -2;

/// hold(fd, state: BigInt64Array) → the file's number, and its state as openBeneath() tells one. The descriptor is the
/// engine's from now on. -1: it is still the caller's.
napi_value hold(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  std::span<int64_t> place = arguments.integers(1);
  if (place.size() < kStateNumbers) return small_number(env, -1);
  net::OpenFiles& open = arguments.data<HeldFiles>().open;
  const auto held = open.hold(static_cast<int>(arguments.integer(0)));
  if (!held) return small_number(env, -1);
  write_state(open.state(*held), place);
  return small_number(env, static_cast<int32_t>(*held));
}

/// look(file, state): tells the state that it has now, by which answers go from now on.
napi_value look(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::OpenFiles& open = arguments.data<HeldFiles>().open;
  std::span<int64_t> place = arguments.integers(1);
  const uint32_t file = arguments.number(0);
  if (!open.has(file) || place.size() < kStateNumbers) return nullptr;
  open.look(file);
  write_state(open.state(file), place);
  return nullptr;
}

/// isUnchanged(file) → 1 or 0.
napi_value is_unchanged(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  const net::OpenFiles& open = arguments.data<HeldFiles>().open;
  const uint32_t file = arguments.number(0);
  return small_number(env, open.has(file) && open.unchanged(file));
}

/// refer(file): has a reference more.
napi_value refer(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::OpenFiles& open = arguments.data<HeldFiles>().open;
  if (open.has(arguments.number(0))) open.refer(arguments.number(0));
  return nullptr;
}

/// release(file): has a reference less.
napi_value release(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::OpenFiles& open = arguments.data<HeldFiles>().open;
  if (open.has(arguments.number(0))) open.release(arguments.number(0));
  return nullptr;
}

/// read(file) → the number of a block with all its bytes; kChanged; or kNotAtHand, where a disk would be waited for, or
/// there is no memory to read into.
napi_value read(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  auto& [open, blocks] = arguments.data<HeldFiles>();
  const uint32_t file = arguments.number(0);
  if (!open.has(file)) return small_number(env, kChanged);
  const auto size = static_cast<size_t>(open.state(file).size);
  const auto number_of_block = blocks.take(size);
  if (!number_of_block) return small_number(env, kNotAtHand);
  net::FileBlocks::Reference block(blocks, *number_of_block);
  const ssize_t count = net::read_cached({open.descriptor(file), 0, size}, blocks.memory(*number_of_block));
  // A write sets the time of modification before it changes a byte, so that it is asked for behind the bytes.
  if (!open.unchanged(file)) return small_number(env, kChanged);
  if (count != static_cast<ssize_t>(size)) return small_number(env, kNotAtHand);
  block.leave();
  return small_number(env, static_cast<int32_t>(*number_of_block));
}

/// bytesOf(block) → a Buffer of its own.
napi_value bytes_of(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::FileBlocks& blocks = arguments.data<HeldFiles>().blocks;
  const uint32_t block = arguments.number(0);
  const std::string_view bytes = blocks.has(block) ? blocks.view(block) : std::string_view();
  napi_value result = nullptr;
  napi_create_buffer_copy(env, bytes.size(), bytes.data(), nullptr, &result);
  return result;
}

/// giveBack(block)
napi_value give_back(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::FileBlocks& blocks = arguments.data<HeldFiles>().blocks;
  if (blocks.has(arguments.number(0))) blocks.give_back(arguments.number(0));
  return nullptr;
}

constexpr std::array kFunctions = std::to_array<Function>({
    {"hold", hold},
    {"look", look},
    {"isUnchanged", is_unchanged},
    {"refer", refer},
    {"release", release},
    {"read", read},
    {"bytesOf", bytes_of},
    {"giveBack", give_back},
});

}  // namespace

napi_value held_file_functions(napi_env env, HeldFiles& files) noexcept {
  napi_value functions = nullptr;
  napi_create_object(env, &functions);
  set_functions(env, functions, kFunctions, &files);
  return functions;
}

}  // namespace uwsgiref::addon
