#pragma once

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>

#include "net/file_descriptor.h"

namespace uwsgiref::net {

/// Tells when the process is about to run out of file descriptors. The last few below its limit are left to the
/// application's files: a server that takes them all for connections can answer none of these.
class DescriptorReserve {
 public:
  /// Whether this descriptor, the lowest that was free, is one of the last.
  bool reached_by(int fd) const noexcept { return fd >= end_; }

  /// Whether the next descriptor would be one of the last, or there is none.
  bool reached() noexcept {
    // The limit may be changed while the process runs.
    end_ = end();
    FileDescriptor probe(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return !probe || reached_by(probe.get());
  }

 private:
  static int end() noexcept {
    constexpr rlim_t kMost = 1 << 30;
    rlimit limit{kMost, kMost};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    auto descriptors = static_cast<int>(std::min(limit.rlim_cur, kMost));
    return descriptors - std::min(32, descriptors / 8);
  }

  int end_ = end();
};

}  // namespace uwsgiref::net
