#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "http/byte_buffer.h"
#include "net/body_memory.h"
#include "net/file_descriptor.h"

namespace uwsgiref::net {

/// A request body as it is collected: in memory up to kBodyInMemory and while there is enough for all, else in an
/// unlinked temporary file.
class RequestBody {
 public:
  /// `announced` is the Content-Length, or 0 where there is none. It is believed as far as half of it has come.
  RequestBody(BodyMemory& memory, uint64_t announced) noexcept : loop_memory_(memory), announced_(announced) {}

  /// Adds bytes; answers 0, or the errno with which the temporary file could not be made or written.
  int append(std::string_view bytes) noexcept;
  /// The body is complete; answers as append() does.
  int finish() noexcept;

  uint64_t size() const noexcept { return size_; }
  bool in_file() const noexcept { return static_cast<bool>(file_); }
  std::string_view in_memory() const noexcept { return file_ ? std::string_view() : memory_.view(); }
  /// The temporary file of a complete body, from now on the caller's to close.
  int take_file() noexcept { return file_.release(); }
  /// The bytes of a body in memory, from now on the caller's to std::free().
  char* take_memory() noexcept { return memory_.take(); }
  /// What the body counts for, which is to be kept as long as the body is.
  BodyMemoryShare take_share() noexcept { return std::move(share_); }

 private:
  bool stays_in_memory(size_t more) noexcept;

  BodyMemory& loop_memory_;
  BodyMemoryShare share_;
  uint64_t announced_;
  http::ByteBuffer memory_;  ///< the body, or what of it is not in the file yet
  FileDescriptor file_;
  uint64_t size_ = 0;
};

}  // namespace uwsgiref::net
