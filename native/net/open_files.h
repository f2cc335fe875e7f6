#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "net/file_descriptor.h"

namespace uwsgiref::net {

/// What tells one state of a file from another. The time of change says so, too, where somebody sets the time of
/// modification back, or takes the file's name away.
struct FileState {
  dev_t device;
  ino_t inode;
  mode_t mode;
  off_t size;
  timespec modified;
  timespec changed;

  /// nullopt with errno.
  static std::optional<FileState> of(int fd) noexcept;
  bool operator==(const FileState& other) const noexcept;
};

/// Regular files that are kept open for the answers that will send them, by number. Each is closed when its last
/// reference is gone: that of whoever has it kept, and one for each answer that is under way.
class OpenFiles {
 public:
  class Reference;

  /// Takes the descriptor over; the first reference is the caller's. nullopt: the descriptor is still the caller's,
  /// because it is no regular file's, or the process has not many left.
  std::optional<uint32_t> hold(int fd) noexcept;

  const FileState& state(uint32_t number) const noexcept { return files_[number].state; }
  int descriptor(uint32_t number) const noexcept { return files_[number].fd.get(); }
  /// Whether the file still is what it was when it was taken over, or last looked at.
  bool unchanged(uint32_t number) const noexcept;
  /// Looks at the file anew: answers are to go by what it is now.
  void look(uint32_t number) noexcept;

  /// Whether there is such a file.
  bool has(uint32_t number) const noexcept { return number < files_.size() && files_[number].references > 0; }
  void refer(uint32_t number) noexcept { files_[number].references++; }
  void release(uint32_t number) noexcept;

 private:
  struct OpenFile {
    FileDescriptor fd;
    FileState state{};
    uint32_t references = 0;
    int64_t in_memory = 0;  ///< when all of it was last seen to be
  };

  std::vector<OpenFile> files_;
  std::vector<uint32_t> free_;
};

/// One reference to an open file, or none.
class OpenFiles::Reference {
  static constexpr int64_t kMoment = 100;  // milliseconds

 public:
  Reference() = default;
  /// Takes over a reference that is there already.
  Reference(OpenFiles& files, uint32_t number) noexcept : files_(&files), number_(number) {}
  ~Reference() { reset(); }
  Reference(Reference&& other) noexcept : files_(std::exchange(other.files_, nullptr)), number_(other.number_) {}
  Reference& operator=(Reference&& other) noexcept {
    reset();
    files_ = std::exchange(other.files_, nullptr);
    number_ = other.number_;
    return *this;
  }

  explicit operator bool() const noexcept { return files_ != nullptr; }
  const FileState& state() const noexcept { return files_->state(number_); }

  /// All of the file is in the page cache; `now` is by EventLoop::now().
  void note_in_memory(int64_t now) noexcept { files_->files_[number_].in_memory = now; }
  /// Whether it was a moment ago. Nobody takes the pages of a file that is read so often.
  bool in_memory_lately(int64_t now) const noexcept { return now - files_->files_[number_].in_memory <= kMoment; }

  void reset() noexcept {
    if (files_) std::exchange(files_, nullptr)->release(number_);
  }

 private:
  OpenFiles* files_ = nullptr;
  uint32_t number_ = 0;
};

}  // namespace uwsgiref::net
