#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "http/body_decoder.h"
#include "http/percent_decode.h"
#include "http/request_framing.h"
#include "http/request_parser.h"
#include "native/split_feed.h"
#include "net/settings.h"

namespace uwsgiref::test {

/// What the engine made of one request.
struct ReadRequest {
  std::string method, path, query, body;
  bool keep_alive = false;
  bool expect_continue = false;
  size_t head_size = 0;
  size_t end = 0;  ///< offset behind the request

  bool operator==(const ReadRequest&) const = default;
};

/// What the engine made of a connection's input.
struct Reading {
  std::vector<ReadRequest> accepted;
  http::RequestError error = http::RequestError::kNone;
  size_t read_to = 0;  ///< after an error: bytes of the input up to the refused one, which counts

  bool operator==(const Reading&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Reading& reading) {
  for (const ReadRequest& request : reading.accepted) {
    out << "{" << request.method << " '" << request.path << "' ? '" << request.query << "' body '" << request.body
        << "' keep-alive " << request.keep_alive << " head " << request.head_size << " end " << request.end << "} ";
  }
  return out << "error " << int(reading.error) << " read to " << reading.read_to;
}

/// Reads the requests of one connection by the steps of net/connection, without a socket: parser, framing, decoder.
class RequestReader {
 public:
  /// Reads no further than `most` requests.
  explicit RequestReader(size_t most) : most_(most) {}

  /// `arrived` is all that has arrived so far.
  void feed(std::string_view arrived) {
    while (reading_.error == http::RequestError::kNone && reading_.accepted.size() < most_ && !closed_) {
      if (!decoder_ && !read_head(arrived)) return;
      if (!read_body(arrived)) return;
    }
  }

  const Reading& reading() const { return reading_; }

 private:
  bool read_head(std::string_view arrived) {
    const std::string_view input = arrived.substr(position_);
    const auto status = parser_.feed(input);
    if (status == http::RequestParser::Status::kNeedMore) return false;
    if (status == http::RequestParser::Status::kError) return refuse(parser_.error(), parser_.head_size() + 1);

    const http::RequestLine& line = parser_.request_line();
    const std::string_view head = input.substr(0, parser_.head_size());
    http::RequestFraming framing;
    const http::RequestError error = http::frame_request(line, parser_.fields(), head, framing);
    if (error != http::RequestError::kNone) return refuse(error, head.size());
    const uint64_t limit = net::Settings{}.max_body_size;
    if (framing.content_length > limit) return refuse(http::RequestError::kBodyTooLarge, head.size());

    const std::string_view path = line.path.of(head);
    request_ = {};
    request_.method = line.method.of(head);
    request_.path.resize(path.size());
    request_.path.resize(http::percent_decode(path, request_.path.data()));
    request_.query = line.query.of(head);
    request_.keep_alive = framing.keep_alive;
    request_.expect_continue = framing.expect_continue;
    request_.head_size = head.size();
    decoder_ = framing.body == http::RequestFraming::Body::kChunked
                   ? http::BodyDecoder::chunked(limit)
                   : http::BodyDecoder::with_length(framing.content_length, limit);
    position_ += head.size();
    return true;
  }

  bool read_body(std::string_view arrived) {
    using Status = http::BodyDecoder::Status;
    for (;;) {
      const http::BodyDecoder::Step step = decoder_->decode(arrived.substr(position_));
      position_ += step.consumed;
      request_.body += step.content;
      if (step.status == Status::kContent) continue;
      if (step.status == Status::kNeedMore) return false;
      if (step.status == Status::kError) return refuse(step.error, 1);
      break;
    }
    request_.end = position_;
    closed_ = !request_.keep_alive;
    reading_.accepted.push_back(request_);
    decoder_.reset();
    parser_.reset();
    return true;
  }

  bool refuse(http::RequestError error, size_t size) {
    reading_.error = error;
    reading_.read_to = position_ + size;
    return false;
  }

  const size_t most_;
  std::vector<http::Field> fields_ = std::vector<http::Field>(http::HeadLimits{}.max_fields);
  http::RequestParser parser_{http::HeadLimits{}, fields_};
  std::optional<http::BodyDecoder> decoder_;
  ReadRequest request_;
  size_t position_ = 0;  ///< of the request in hand, behind its head of its body
  bool closed_ = false;
  Reading reading_;
};

/// Feeds `input` as far as each cut in turn. Every feed finds the bytes at another address, against an unreadable page.
inline Reading read_requests(std::string_view input, const Cuts& cuts, size_t most) {
  RequestReader reader(most);
  GuardedMemory memory(input.size());
  for (const size_t cut : cuts) reader.feed(memory.place(input.substr(0, cut)));
  return reader.reading();
}

}  // namespace uwsgiref::test
