#include "net/scoreboard.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "net/file_descriptor.h"

namespace uwsgiref::net {

Scoreboard::~Scoreboard() {
  leave();
  if (entries_) ::munmap(entries_, sizeof(Entries));
}

int Scoreboard::create(int& fd) noexcept {
#ifdef __linux__
  FileDescriptor memory(::memfd_create("uwsgiref-scoreboard", MFD_CLOEXEC));
  if (!memory || ::ftruncate(memory.get(), sizeof(Entries)) != 0) return errno;
  int error = map(memory.get());
  if (error == 0) fd = memory.release();
  return error;
#else
  (void)fd;
  return ENOSYS;
#endif
}

int Scoreboard::join(int fd, uint32_t place) noexcept {
  if (entries_ || place >= kPlaces) return EINVAL;
  FileDescriptor memory(fd);
  int error = map(memory.get());
  if (error == 0) place_ = place;
  return error;
}

int Scoreboard::map(int fd) noexcept {
  struct stat status;
  if (::fstat(fd, &status) != 0) return errno;
  // To touch a page beyond the end would end the process.
  if (status.st_size < static_cast<off_t>(sizeof(Entries))) return EINVAL;
  void* memory = ::mmap(nullptr, sizeof(Entries), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return errno;
  entries_ = static_cast<Entries*>(memory);
  return 0;
}

void Scoreboard::note(uint32_t connections) noexcept {
  if (place_ != kPlaces) (*entries_)[place_].store(connections + 1, std::memory_order_relaxed);
}

void Scoreboard::leave() noexcept {
  if (place_ != kPlaces) clear(place_);
  place_ = kPlaces;
}

void Scoreboard::clear(uint32_t place) noexcept {
  if (entries_ && place < kPlaces) (*entries_)[place].store(0, std::memory_order_relaxed);
}

bool Scoreboard::has_more_than_others() const noexcept {
  if (place_ == kPlaces) return false;
  const uint32_t own = (*entries_)[place_].load(std::memory_order_relaxed);
  for (uint32_t place = 0; place < kPlaces; place++) {
    const uint32_t other = (*entries_)[place].load(std::memory_order_relaxed);
    if (other != 0 && place != place_ && own > other + 2 + other / 8) return true;
  }
  return false;
}

}  // namespace uwsgiref::net
