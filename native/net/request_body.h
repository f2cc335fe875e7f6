#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/byte_buffer.h"
#include "net/file_descriptor.h"

namespace uwsgiref::net {

/// A request body as it is collected: in memory up to kBodyInMemory, then in an unlinked temporary file.
class RequestBody {
 public:
  /// Adds bytes; answers 0, or the errno with which the temporary file could not be made or written.
  int append(std::string_view bytes) noexcept;
  /// The body is complete; answers as append() does.
  int finish() noexcept;

  uint64_t size() const noexcept { return size_; }
  bool in_file() const noexcept { return static_cast<bool>(file_); }
  std::string_view in_memory() const noexcept { return file_ ? std::string_view() : memory_.view(); }
  /// The temporary file of a complete body, from now on the caller's to close.
  int take_file() noexcept { return file_.release(); }

 private:
  http::ByteBuffer memory_;  ///< the body, or what of it is not in the file yet
  FileDescriptor file_;
  uint64_t size_ = 0;
};

}  // namespace uwsgiref::net
