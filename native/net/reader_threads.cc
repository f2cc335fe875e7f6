#include "net/reader_threads.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "net/page_cache.h"

namespace uwsgiref::net {
namespace {

constexpr size_t kPiece = 64 * 1024;
// What a read takes, with room to spare; the default would be megabytes of address space each.
constexpr size_t kStack = 256 * 1024;

}  // namespace

ReaderThreads::~ReaderThreads() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    queue_.clear();
  }
  wanted_.notify_all();
  for (pthread_t thread : threads_) pthread_join(thread, nullptr);
}

bool ReaderThreads::start(PageRead read) noexcept {
  {
    std::lock_guard lock(mutex_);
    bool enough = queue_.size() < idle_ || threads_.size() == kMost;
    if (!enough && !start_thread() && threads_.empty()) return false;
    queue_.push_back(std::move(read));
  }
  wanted_.notify_one();
  return true;
}

bool ReaderThreads::start_thread() noexcept {
  // Signals are for the threads that Node knows.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStack);
  auto run = [](void* self) -> void* {
    static_cast<ReaderThreads*>(self)->run();
    return nullptr;
  };
  pthread_t thread;
  bool started = pthread_create(&thread, &attributes, run, this) == 0;
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (started) threads_.push_back(thread);
  return started;
}

std::optional<PageRead> ReaderThreads::take_finished() noexcept {
  if (!any_finished_) return std::nullopt;
  std::lock_guard lock(mutex_);
  if (finished_.empty()) {
    any_finished_ = false;
    return std::nullopt;
  }
  PageRead read = std::move(finished_.front());
  finished_.pop_front();
  return read;
}

void ReaderThreads::run() noexcept {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), "uwsgiref-reader");
#elif defined(__APPLE__)
  pthread_setname_np("uwsgiref-reader");
#endif
  std::unique_lock lock(mutex_);
  for (;;) {
    idle_++;
    wanted_.wait(lock, [this] { return ending_ || !queue_.empty(); });
    idle_--;
    if (ending_) return;
    PageRead read = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    perform(read);
    lock.lock();
    finished_.push_back(std::move(read));
    if (!any_finished_.exchange(true)) usockets().wakeup_loop(loop_);
  }
}

void ReaderThreads::perform(PageRead& read) const noexcept {
  int fd = read.file.get();
  uint64_t end = read.offset + read.length;
  uint64_t blocks_begin = read.offset - read.offset % kBlock;
  uint64_t blocks_end = (end + kBlock - 1) / kBlock * kBlock;
  read_ahead({fd, blocks_begin, blocks_end - blocks_begin});
  read.error_number = read_through(fd, read.offset, end);
  // Nobody waits for the rest of the blocks, so that it may be unreadable.
  read_through(fd, blocks_begin, read.offset);
  read_through(fd, end, blocks_end);
  if (read.ahead > 0 && !ending_) read_ahead({fd, end, read.ahead});
  // The last close of a file that was deleted may wait for the disk, too.
  read.file.reset();
}

/// Reads up to the end, or that of the file; answers 0 or an errno.
int ReaderThreads::read_through(int fd, uint64_t begin, uint64_t end) const noexcept {
  std::array<char, kPiece> piece;
  while (begin < end && !ending_) {
    auto wanted = static_cast<size_t>(std::min<uint64_t>(end - begin, kPiece));
    ssize_t count = ::pread(fd, piece.data(), wanted, static_cast<off_t>(begin));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 ? errno : 0;
    begin += static_cast<uint64_t>(count);
  }
  return 0;
}

}  // namespace uwsgiref::net
