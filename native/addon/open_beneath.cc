#include "addon/open_beneath.h"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <string>

#include "addon/call_arguments.h"
#include "addon/file_state.h"
#include "addon/values.h"
#include "net/file_descriptor.h"

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

#if defined(__linux__) && defined(SYS_openat2)

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
  net::FileDescriptor directory(pin(AT_FDCWD, root.c_str(), O_DIRECTORY, RESOLVE_NO_SYMLINKS));
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
  net::FileDescriptor pinned(pin_beneath(root, path, policy));
  if (pinned.get() < 0) return pinned.get();
  const auto state = net::FileState::of(pinned.get());
  if (!state) return -errno;
  if (!S_ISREG(state->mode) && !S_ISDIR(state->mode)) return -ENXIO;
  write_state(*state, found);
  return open_pinned(pinned.get());
}

#else

int open_file(const std::string&, const std::string&, uint32_t, std::span<int64_t>) noexcept { return -ENOSYS; }

#endif

}  // namespace

napi_value open_beneath(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  const std::string root = arguments.text(0);
  const std::string path = arguments.text(1);
  const std::span<int64_t> found = arguments.integers(3);
  int result = -EINVAL;
  // The kernel would take what stands before a NUL for the whole.
  bool whole = root.find('\0') == std::string::npos && path.find('\0') == std::string::npos;
  if (whole && found.size() >= kStateNumbers) result = open_file(root, path, arguments.number(2), found);
  return small_number(env, result);
}

}  // namespace uwsgiref::addon
