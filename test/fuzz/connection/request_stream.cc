#include "fuzz/connection/request_stream.h"

#include <unistd.h>

#include <algorithm>

#include "fuzz/oracle.h"
#include "http/body_decoder.h"
#include "net/request_body.h"

namespace uwsgiref::test {

void RequestStream::append(std::string_view bytes) {
  bytes_ += bytes;
  look();
}

void RequestStream::take() {
  EXPECT(next_.kind == Kind::kWhole);
  over_ = !next_.persists;
  begin_ = end_;
  taken_++;
  look();
}

std::string_view RequestStream::request_line() const noexcept {
  std::string_view line = std::string_view(bytes_).substr(begin_);
  line.remove_prefix(std::min(line.find_first_not_of("\r\n"), line.size()));
  return line.substr(0, line.find_first_of("\r\n"));
}

void RequestStream::look_at_proxy_header() {
  const http::ProxyHeader header = http::read_proxy_header(bytes_);
  switch (header.status) {
    case http::ProxyHeader::Status::kNeedMore:
      next_.kind = bytes_.empty() ? Kind::kNothing : Kind::kHead;
      return;
    case http::ProxyHeader::Status::kError:
      next_.kind = Kind::kError;
      next_.error = http::RequestError::kBadProxyHeader;
      return;
    case http::ProxyHeader::Status::kComplete:
      awaits_proxy_header_ = false;
      proxy_header_ = header;
      begin_ = header.size;
  }
}

void RequestStream::look() {
  // What was an error stays one.
  if (next_.kind == Kind::kError) return;
  next_ = {};
  if (awaits_proxy_header_) look_at_proxy_header();
  if (awaits_proxy_header_) return;
  const std::string_view bytes = std::string_view(bytes_).substr(begin_);
  if (over_ || bytes.empty()) return;

  std::vector<http::Field> fields(settings_.head.max_fields);
  http::RequestParser parser(settings_.head, fields);
  const http::RequestParser::Status status = parser.feed(bytes);
  next_.line = parser.request_line();
  next_.head_request = next_.line.method_id == http::Method::kHead;
  if (status == http::RequestParser::Status::kError) {
    next_.kind = Kind::kError;
    next_.error = parser.error();
    return;
  }
  next_.kind = Kind::kHead;
  if (status == http::RequestParser::Status::kNeedMore) return;
  next_.head = bytes.substr(0, parser.head_size());
  next_.fields.assign(parser.fields().begin(), parser.fields().end());
  next_.error = http::frame_request(next_.line, next_.fields, next_.head, next_.framing);
  if (next_.error == http::RequestError::kNone && next_.framing.content_length > settings_.max_body_size) {
    next_.error = http::RequestError::kBodyTooLarge;
  }
  if (settings_.client_certificate == net::ClientCertificate::kRequired && !certified_) {
    next_.error = http::RequestError::kNoClientCertificate;
  }
  next_.kind = next_.error == http::RequestError::kNone ? Kind::kBody : Kind::kError;
  if (next_.kind == Kind::kBody) look_at_body(bytes.substr(next_.head.size()));
}

void RequestStream::look_at_body(std::string_view bytes) {
  using Body = http::RequestFraming::Body;
  const Body framing = next_.framing.body;
  next_.body_arrived = bytes.size();
  size_t consumed = 0;
  if (framing == Body::kLength) {
    if (bytes.size() < next_.framing.content_length) return;
    consumed = next_.framing.content_length;
    next_.body = bytes.substr(0, consumed);
  } else if (framing == Body::kChunked) {
    http::BodyDecoder decoder = http::BodyDecoder::chunked(settings_.max_body_size);
    for (;;) {
      const http::BodyDecoder::Step step = decoder.decode(bytes.substr(consumed));
      consumed += step.consumed;
      next_.body += step.content;
      if (step.status == http::BodyDecoder::Status::kNeedMore) return;
      if (step.status == http::BodyDecoder::Status::kDone) break;
      if (step.status == http::BodyDecoder::Status::kContent) continue;
      next_.kind = Kind::kError;
      next_.error = step.error;
      return;
    }
  }
  next_.kind = Kind::kWhole;
  next_.persists = next_.framing.keep_alive && taken_ + 1 != settings_.max_requests_per_connection;
  end_ = begin_ + next_.head.size() + consumed;
}

namespace {

bool same(http::Slice left, http::Slice right) { return left.begin == right.begin && left.end == right.end; }

std::string body_of(const net::Request& request) {
  if (!request.stored || !request.stored->in_file()) return std::string(request.body);
  EXPECT(request.body.empty());
  std::string body(request.stored->size(), '\0');
  const int file = request.stored->take_file();
  EXPECT(::pread(file, body.data(), body.size(), 0) == static_cast<ssize_t>(body.size()));
  ::close(file);
  return body;
}

}  // namespace

void expect_same(const net::Request& request, const RequestStream::Next& next) {
  EXPECT(next.kind == RequestStream::Kind::kWhole);
  EXPECT(request.head == next.head);
  const http::RequestLine& line = request.line;
  EXPECT(same(line.method, next.line.method) && same(line.target, next.line.target));
  EXPECT(same(line.authority, next.line.authority) && same(line.path, next.line.path));
  EXPECT(same(line.query, next.line.query) && line.method_id == next.line.method_id);
  EXPECT(line.form == next.line.form && line.minor_version == next.line.minor_version);
  EXPECT(std::equal(request.fields.begin(), request.fields.end(), next.fields.begin(), next.fields.end(),
                    [](const http::Field& left, const http::Field& right) {
                      return same(left.name, right.name) && same(left.value, right.value) && left.id == right.id;
                    }));
  EXPECT(request.has_body == (next.framing.body != http::RequestFraming::Body::kNone));
  EXPECT(body_of(request) == next.body);
}

}  // namespace uwsgiref::test
