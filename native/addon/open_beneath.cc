#include "addon/open_beneath.h"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>

#include "addon/call_arguments.h"

#if defined(__linux__) && __has_include(<linux/openat2.h>)
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace uwsgiref::addon {
namespace {

enum Policy : uint32_t { kBeneath = 0, kNever = 1, kFollow = 2 };
constexpr size_t kFoundNumbers = 5;

#if defined(__linux__) && defined(SYS_openat2)

/// A descriptor that is closed at the end of its scope. None: negative, and then an error number.
class Descriptor {
 public:
  explicit Descriptor(int value) noexcept : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const noexcept { return value_; }
  int release() noexcept {
    int value = value_;
    value_ = -1;
    return value;
  }

 private:
  int value_;
};

/// Takes hold of what is there without opening it: O_PATH.
int pin(int directory, const char* path, uint64_t flags, uint64_t resolve) noexcept {
  open_how how;
  std::memset(&how, 0, sizeof how);
  how.flags = O_PATH | O_CLOEXEC | flags;
  how.resolve = resolve | RESOLVE_NO_MAGICLINKS;
  long result = ::syscall(SYS_openat2, directory, path, &how, sizeof how);
  return result >= 0 ? static_cast<int>(result) : -errno;
}

int pin_beneath(const std::string& root, const std::string& path, uint32_t policy) noexcept {
  // "." is whatever stands in the root's place, which with all links followed may be a file.
  if (policy == kFollow) return pin(AT_FDCWD, (path == "." ? root : root + '/' + path).c_str(), 0, 0);
  // A real path has no links; where one has come since, this is no longer the root.
  Descriptor directory(pin(AT_FDCWD, root.c_str(), O_DIRECTORY, RESOLVE_NO_SYMLINKS));
  if (directory.get() < 0) return directory.get();
  return pin(directory.get(), path.c_str(), 0,
             policy == kNever ? RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS : RESOLVE_BENEATH);
}

/// The flags are for what may have become of the file: no wait for a FIFO's other end, no terminal of this process's
/// own.
int open_pinned(int pinned) noexcept {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", pinned);
  int descriptor = ::open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  return descriptor >= 0 ? descriptor : -errno;
}

int open_file(const std::string& root, const std::string& path, uint32_t policy, std::span<int64_t> found) noexcept {
  Descriptor pinned(pin_beneath(root, path, policy));
  if (pinned.get() < 0) return pinned.get();
  struct stat state;
  if (::fstat(pinned.get(), &state) != 0) return -errno;
  if (!S_ISREG(state.st_mode) && !S_ISDIR(state.st_mode)) return -ENXIO;
  found[0] = static_cast<int64_t>(state.st_size);
  found[1] = static_cast<int64_t>(state.st_mtim.tv_sec) * 1'000'000'000 + state.st_mtim.tv_nsec;
  found[2] = static_cast<int64_t>(state.st_ino);
  found[3] = static_cast<int64_t>(state.st_dev);
  found[4] = static_cast<int64_t>(state.st_mode);
  return open_pinned(pinned.get());
}

#else

int open_file(const std::string&, const std::string&, uint32_t, std::span<int64_t>) noexcept { return -ENOSYS; }

#endif

std::span<int64_t> numbers(napi_env env, napi_value array) noexcept {
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, array, &type, &length, &data, nullptr, nullptr) != napi_ok) return {};
  if (type != napi_bigint64_array) return {};
  return {static_cast<int64_t*>(data), length};
}

}  // namespace

napi_value open_beneath(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  const std::string root = arguments.text(0);
  const std::string path = arguments.text(1);
  std::span<int64_t> found = numbers(env, arguments[3]);
  int result = -EINVAL;
  // The kernel would take what stands before a NUL for the whole.
  bool whole = root.find('\0') == std::string::npos && path.find('\0') == std::string::npos;
  if (whole && found.size() >= kFoundNumbers) result = open_file(root, path, arguments.number(2), found);
  napi_value value = nullptr;
  napi_create_int32(env, result, &value);
  return value;
}

}  // namespace uwsgiref::addon
