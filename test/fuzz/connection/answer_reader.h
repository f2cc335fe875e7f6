#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/response_writer.h"

namespace uwsgiref::test {

/// An answer as a strict client reads it.
struct ReadAnswer {
  using Body = http::ResponseFraming::Body;

  uint16_t status = 0;
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  Body framing = Body::kNone;
  uint64_t length = 0;
  std::string body;
  bool head_complete = false;
  bool complete = false;  ///< of Body::kClose only the connection's end can tell
  size_t size = 0;        ///< bytes that it took

  /// The one field of that name; empty where there is none.
  std::string_view field(std::string_view name) const;
};

/// Reads the answer that `bytes` begin with, as far as it is there.
ReadAnswer read_answer(std::string_view bytes, bool head_request);

}  // namespace uwsgiref::test
