#include "net/request_body.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "net/settings.h"

namespace uwsgiref::net {
namespace {

FileDescriptor open_unlinked_file() {
  const char* configured = std::getenv("TMPDIR");
  std::string directory = configured && *configured ? configured : "/tmp";
#ifdef O_TMPFILE
  if (int fd = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); fd >= 0) return FileDescriptor(fd);
#endif
  std::string path = directory + "/uwsgiref-body-XXXXXX";
  FileDescriptor file(mkstemp(path.data()));
  if (file) {
    fcntl(file.get(), F_SETFD, FD_CLOEXEC);
    unlink(path.c_str());
  }
  return file;
}

// Bytes of small pieces that are written together.
constexpr size_t kGathered = 16 * 1024;

int write_whole(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

}  // namespace

int RequestBody::append(std::string_view bytes) noexcept {
  bool in_memory = !file_ && stays_in_memory(bytes.size());
  size_ += bytes.size();
  if (!in_memory) {
    if (!file_) {
      file_ = open_unlinked_file();
      if (!file_) return errno;
      if (int error = finish()) return error;
    }
    // A chunk may be as small as a byte, and is not worth a system call.
    if (memory_.size() + bytes.size() > kGathered) {
      if (int error = finish()) return error;
    }
    if (bytes.size() > kGathered) return write_whole(file_.get(), bytes);
  }
  memory_.append(bytes);
  return 0;
}

int RequestBody::finish() noexcept {
  if (!file_) return 0;
  int error = write_whole(file_.get(), memory_.view());
  memory_.release();
  share_.release();
  return error;
}

bool RequestBody::stays_in_memory(size_t more) noexcept {
  size_t wanted = memory_.size() + more;
  if (wanted <= std::max(memory_.capacity(), kBodyNeverStored)) return true;
  if (wanted > kBodyInMemory) return false;
  size_t most = announced_ > 0 && announced_ < kBodyInMemory ? static_cast<size_t>(announced_) : kBodyInMemory;
  size_t capacity = std::max(wanted, std::min(2 * wanted, most));
  if (!share_.grow_to(loop_memory_, capacity)) return false;
  memory_.widen(capacity);
  return true;
}

}  // namespace uwsgiref::net
