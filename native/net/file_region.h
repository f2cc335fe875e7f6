#pragma once

#include <cstdint>

namespace uwsgiref::net {

/// A region of an open file. The descriptor stays its owner's.
struct FileRegion {
  int fd = -1;
  uint64_t offset = 0;
  uint64_t length = 0;
};

}  // namespace uwsgiref::net
