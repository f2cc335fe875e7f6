// What native/net knows of the page cache, and its threads that read, as the script has it: net/page_cache.h and
// net/reader_threads.h of the fuzzer lead here.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "fuzz/connection/fake_sockets.h"
#include "fuzz/oracle.h"
#include "net/page_cache.h"

namespace uwsgiref::test {

namespace {

uint64_t inode_of(int file) {
  struct stat status {};
  EXPECT(::fstat(file, &status) == 0);
  return status.st_ino;
}

FakeDisk& disk() { return FakeNetwork::active()->disk; }

}  // namespace

bool FakeNetwork::file_fails(int file) {
  // It is closed, and the number may be another file's by now.
  EXPECT(std::find(files.begin(), files.end(), file) != files.end());
  if (file_error == 0) return false;
  errno = std::exchange(file_error, 0);
  file_error_given = true;
  return true;
}

bool FakeDisk::is_cold(const net::FileRegion& region) {
  if (cold == 0) return false;
  cold--;
  missing_.push_back({inode_of(region.fd), region.offset, region.offset + 1});
  return true;
}

uint64_t FakeDisk::cached_part(uint64_t length) {
  if (partly == 0) return length;
  partly--;
  return (length + 1) / 2;
}

void FakeDisk::expect_at_hand(int file, uint64_t offset, size_t length) const {
  const auto covers = [inode = inode_of(file), offset](const Part& part) {
    return part.inode == inode && part.begin <= offset && offset < part.end;
  };
  if (length == 0) return;
  EXPECT(std::ranges::none_of(missing_, covers));
  // Of a file that is held open it is not asked for a tenth of a second, once all of it was there.
  const bool asked_lately = FakeNetwork::active()->now() - silent_since <= 100;
  EXPECT(!silent || asked_lately || std::ranges::any_of(read_, covers));
}

bool FakeDisk::start(net::PageRead read) {
  EXPECT(::fcntl(read.file.get(), F_GETFD) == FD_CLOEXEC && read.length > 0);
  // Where there are none, the engine has to wait itself.
  if (!threads) note_read(read);
  if (threads) reads_.push_back(std::move(read));
  return threads;
}

void FakeDisk::note_read(const net::PageRead& read) {
  // With the blocks that it lies in.
  const uint64_t end = read.offset + read.length;
  const Part part{inode_of(read.file.get()), read.offset - read.offset % net::kBlock,
                  (end + net::kBlock - 1) / net::kBlock * net::kBlock};
  std::erase_if(missing_, [part](const Part& each) {
    return each.inode == part.inode && part.begin <= each.begin && each.begin < part.end;
  });
  read_.push_back(part);
}

bool FakeDisk::finish_read(size_t which) {
  if (reads_.empty()) return false;
  const auto chosen = reads_.begin() + static_cast<ptrdiff_t>(which % reads_.size());
  net::PageRead read = std::move(*chosen);
  reads_.erase(chosen);
  trace("a thread has read ", read.length, " bytes at ", read.offset);
  // It has a descriptor of its own, so that it does not matter what became of the engine's.
  note_read(read);
  FakeNetwork& network = *FakeNetwork::active();
  if (network.file_error == EIO) {
    read.error_number = std::exchange(network.file_error, 0);
    network.file_error_given = true;
  }
  read.file.reset();
  finished_.push_back(std::move(read));
  network.woken = true;
  return true;
}

std::optional<net::PageRead> FakeDisk::take_finished() {
  if (finished_.empty()) return std::nullopt;
  net::PageRead read = std::move(finished_.front());
  finished_.pop_front();
  return read;
}

}  // namespace uwsgiref::test

namespace uwsgiref::net {

ssize_t read_cached(const FileRegion& region, char* into) noexcept {
  if (test::FakeNetwork::active()->file_fails(region.fd)) return -1;
  if (test::disk().silent || test::disk().is_cold(region)) {
    errno = test::disk().silent ? EOPNOTSUPP : EAGAIN;
    return -1;
  }
  return ::pread(region.fd, into, test::disk().cached_part(region.length), static_cast<off_t>(region.offset));
}

std::optional<uint64_t> cached_bytes(const FileRegion& region) noexcept {
  if (test::disk().silent) return std::nullopt;
  if (test::disk().is_cold(region)) return 0;
  return test::disk().cached_part(std::min(region.length, kBlock - region.offset % kBlock));
}

void read_ahead(const FileRegion&) noexcept {}

ReaderThreads::~ReaderThreads() { test::disk().forget_reads(); }

bool ReaderThreads::start(PageRead read) noexcept { return test::disk().start(std::move(read)); }

std::optional<PageRead> ReaderThreads::take_finished() noexcept { return test::disk().take_finished(); }

}  // namespace uwsgiref::net
