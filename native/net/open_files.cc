#include "net/open_files.h"

#include <sys/resource.h>

#include <algorithm>

namespace uwsgiref::net {
namespace {

#ifdef __APPLE__
timespec modified_at(const struct stat& status) noexcept { return status.st_mtimespec; }
timespec changed_at(const struct stat& status) noexcept { return status.st_ctimespec; }
#else
timespec modified_at(const struct stat& status) noexcept { return status.st_mtim; }
timespec changed_at(const struct stat& status) noexcept { return status.st_ctim; }
#endif

bool same(const timespec& one, const timespec& other) noexcept {
  return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

/// Whether connections will want the descriptors that are left: `fd`, the lowest that was free, says how many are open.
bool would_be_missed(int fd, size_t held) noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return true;
  const rlim_t quarter = limit.rlim_cur / 4;
  return held >= quarter || static_cast<rlim_t>(fd) >= 3 * quarter;
}

}  // namespace

std::optional<FileState> FileState::of(int fd) noexcept {
  struct stat status;
  if (::fstat(fd, &status) != 0) return std::nullopt;
  return FileState{status.st_dev,  status.st_ino,       status.st_mode,
                   status.st_size, modified_at(status), changed_at(status)};
}

bool FileState::operator==(const FileState& other) const noexcept {
  return size == other.size && same(modified, other.modified) && same(changed, other.changed) && inode == other.inode &&
         device == other.device && mode == other.mode;
}

std::optional<uint32_t> OpenFiles::hold(int fd) noexcept {
  const auto state = FileState::of(fd);
  if (!state || !S_ISREG(state->mode) || would_be_missed(fd, files_.size() - free_.size())) return std::nullopt;
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(files_.size()));
    files_.emplace_back();
  }
  const uint32_t number = free_.back();
  free_.pop_back();
  files_[number].fd = FileDescriptor(fd);
  files_[number].state = *state;
  files_[number].references = 1;
  files_[number].in_memory = 0;
  return number;
}

bool OpenFiles::unchanged(uint32_t number) const noexcept {
  const auto now = FileState::of(files_[number].fd.get());
  return now && *now == files_[number].state;
}

void OpenFiles::look(uint32_t number) noexcept {
  if (const auto now = FileState::of(files_[number].fd.get())) files_[number].state = *now;
  files_[number].in_memory = 0;
}

void OpenFiles::release(uint32_t number) noexcept {
  OpenFile& file = files_[number];
  if (--file.references > 0) return;
  file.fd.reset();
  free_.push_back(number);
}

}  // namespace uwsgiref::net
