#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include "http/body_decoder.h"
#include "native/split_feed.h"

namespace uwsgiref::test {

/// All that a BodyDecoder makes of an input.
struct DecodedBody {
  http::BodyDecoder::Status status = http::BodyDecoder::Status::kNeedMore;
  http::RequestError error = http::RequestError::kNone;
  size_t consumed = 0;
  std::string content;

  bool operator==(const DecodedBody&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const DecodedBody& body) {
  return out << "{status " << int(body.status) << " error " << int(body.error) << " consumed " << body.consumed
             << " content '" << body.content << "'}";
}

/// Gives `decoder` the piece between each cut and the next, against an unreadable page.
inline DecodedBody decode_body(http::BodyDecoder decoder, std::string_view input, const Cuts& cuts) {
  using Status = http::BodyDecoder::Status;
  DecodedBody body;
  GuardedMemory memory(input.size());
  size_t fed = 0;
  for (const size_t cut : cuts) {
    std::string_view piece = memory.place(input.substr(fed, cut - fed));
    fed = cut;
    do {
      const http::BodyDecoder::Step step = decoder.decode(piece);
      body.status = step.status;
      body.error = step.error;
      body.consumed += step.consumed;
      body.content += step.content;
      piece.remove_prefix(step.consumed);
    } while (body.status == Status::kContent);
    if (body.status != Status::kNeedMore) break;
  }
  return body;
}

}  // namespace uwsgiref::test
