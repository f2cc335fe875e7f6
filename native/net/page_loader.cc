#include "net/page_loader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "net/connection.h"
#include "net/event_loop.h"

namespace uwsgiref::net {
namespace {

FileBlock block_at(int fd, uint64_t offset) noexcept {
  struct stat status {};
  ::fstat(fd, &status);
  return {status.st_dev, status.st_ino, offset / kBlock};
}

}  // namespace

uint64_t PageLoader::load(Connection& connection, const FileRegion& region) {
  uint64_t ticket = next_ticket_++;
  waiting_.emplace(ticket, Waiting{&connection, region});
  start_more();
  // Nothing could be started: deliver() has to find another way.
  if (!any_started()) usockets().wakeup_loop(loop_);
  return ticket;
}

void PageLoader::forget(uint64_t ticket) noexcept {
  // Were it kept until its turn comes, clients that come and go could pile them up while a disk hangs.
  if (waiting_.erase(ticket) > 0) return;
  for (Started& each : started_) {
    if (each.ticket == ticket) each.connection = nullptr;
  }
}

void PageLoader::deliver() noexcept {
  while (auto read = threads_.take_finished()) {
    auto place = std::ranges::find(started_, read->ticket, &Started::ticket);
    Started done = std::exchange(*place, {});
    for (uint64_t i = 0; i < done.blocks && read->error_number == 0; i++) {
      loaded_.note({done.first.device, done.first.inode, done.first.number + i}, EventLoop::now());
    }
    if (done.connection) done.connection->on_loaded(read->error_number);
  }
  start_more();
  while (!waiting_.empty() && !any_started()) {
    // There are no descriptors, or no threads: the loop has to read itself.
    auto next = waiting_.extract(waiting_.begin());
    next.mapped().connection->on_loaded(0);
    start_more();
  }
}

void PageLoader::start_more() noexcept {
  while (!waiting_.empty()) {
    const auto next = waiting_.begin();
    if (!start(next->second, next->first)) return;
    waiting_.erase(next);
  }
}

bool PageLoader::start(const Waiting& next, uint64_t ticket) noexcept {
  auto place = std::ranges::find(started_, uint64_t{0}, &Started::ticket);
  if (place == started_.end()) return false;
  const FileRegion& region = next.region;
  PageRead read;
  read.file = FileDescriptor(::fcntl(region.fd, F_DUPFD_CLOEXEC, 0));
  if (!read.file) return false;
  read.offset = region.offset;
  read.length = std::min(region.length, kSlice);
  read.ahead = std::min(region.length - read.length, kSlice);
  read.ticket = ticket;
  FileBlock first = block_at(region.fd, region.offset);
  uint64_t blocks = (region.offset + read.length - 1) / kBlock - first.number + 1;
  if (!threads_.start(std::move(read))) return false;
  *place = {next.connection, ticket, first, blocks};
  return true;
}

bool PageLoader::any_started() const noexcept {
  return std::ranges::any_of(started_, [](const Started& each) { return each.ticket != 0; });
}

uint64_t PageLoader::loaded_lately(const FileRegion& region) const noexcept {
  if (!loaded_.has(block_at(region.fd, region.offset), EventLoop::now())) return 0;
  return std::min(region.length, kBlock - region.offset % kBlock);
}

}  // namespace uwsgiref::net
