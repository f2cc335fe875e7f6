#include "net/heap.h"

#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace uwsgiref::net {

void give_back_large_blocks() noexcept {
#ifdef __GLIBC__
  // Blocks from this size on are mappings of their own. Left alone, glibc raises the limit to the size of the largest
  // that was freed, up to 32 MiB, and smaller ones then lie in the heap, which ends at the last block in use:
  // mallopt(3).
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  // It goes by twice that limit otherwise. A heap that breathes should not ask the kernel each time.
  mallopt(M_TRIM_THRESHOLD, 4 * 1024 * 1024);
#endif
}

}  // namespace uwsgiref::net
