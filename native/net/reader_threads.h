#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "net/file_descriptor.h"
#include "net/usockets.h"

namespace uwsgiref::net {

/// A part of a file that is to be in the page cache, with the blocks that it lies in.
struct PageRead {
  FileDescriptor file;  ///< its own
  uint64_t offset = 0;
  uint64_t length = 0;
  uint64_t ahead = 0;    ///< bytes behind it that will be wanted next
  uint64_t ticket = 0;   ///< whoever wants it knows it by this
  int error_number = 0;  ///< why it could not be read; 0: it is there, or the file ends before it does
};

/// A few threads that do nothing but read files, so that they, and not the loop, wait for a disk. They know of no
/// connection, and no memory but their own is read into. The first reads start them.
class ReaderThreads {
 public:
  /// So many disks, or network file systems, may hang before the files of others wait.
  static constexpr size_t kMost = 8;

  /// The loop is woken up when a read is finished.
  explicit ReaderThreads(us_loop_t* loop) noexcept : loop_(loop) {}
  /// Waits for the system calls under way, and gives the rest up.
  ~ReaderThreads();
  ReaderThreads(const ReaderThreads&) = delete;
  ReaderThreads& operator=(const ReaderThreads&) = delete;

  /// Has a thread make the read. Answers false where there is no thread, and none can be started.
  bool start(PageRead read) noexcept;

  /// A read that is finished, its file closed.
  std::optional<PageRead> take_finished() noexcept;

 private:
  bool start_thread() noexcept;
  void run() noexcept;
  void perform(PageRead& read) const noexcept;
  int read_through(int fd, uint64_t begin, uint64_t end) const noexcept;

  us_loop_t* loop_;
  std::vector<pthread_t> threads_;
  std::atomic<bool> ending_ = false;
  std::atomic<bool> any_finished_ = false;
  std::mutex mutex_;  ///< of all below
  std::condition_variable wanted_;
  std::deque<PageRead> queue_;
  std::deque<PageRead> finished_;
  size_t idle_ = 0;  ///< threads that wait for a read
};

}  // namespace uwsgiref::net
