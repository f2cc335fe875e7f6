// The half of a connection that reads: from bytes to requests in the gateway's hands, and to the refusal of what is
// none.

#include <algorithm>

#include "http/proxy_header.h"
#include "http/request_framing.h"
#include "net/connection.h"
#include "net/listener.h"
#include "net/tls.h"

namespace uwsgiref::net {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// What a log gets to see of a request line that was refused. Bytes.
constexpr size_t kLoggedRequestLine = 256;

/// Whether the request is a HEAD: no answer to it has a body, an error neither (RFC 9110 §9.3.2).
bool is_head(const http::RequestLine& line) noexcept { return line.method_id == http::Method::kHead; }

}  // namespace

void Connection::take_input(std::string_view bytes) noexcept {
  if (!input_.empty()) {
    input_.append(bytes);
    changed_ = true;
    return;
  }
  size_t consumed = consume(bytes);
  if (consumed < bytes.size() && !reading_over_) input_.append(bytes.substr(consumed));
}

bool Connection::has_request_to_come() const noexcept {
  return !input_.empty() && !reading_over_ && !collecting_ && has_place_for_request();
}

bool Connection::has_place_for_request() const noexcept {
  return !stalled_ && running_ < settings().max_pipelined && output_.size() < settings().max_queued_bytes;
}

bool Connection::may_dispatch() const noexcept {
  return collecting_ || (has_place_for_request() && share_.allows_request(loop().share()));
}

size_t Connection::consume(std::string_view bytes) noexcept {
  size_t consumed = 0;
  while (consumed < bytes.size() && !closing_ && !reading_over_ && may_dispatch()) {
    std::string_view rest = bytes.substr(consumed);
    size_t step = accepted_.awaits_proxy_header ? consume_proxy_header(rest)
                  : collecting_                 ? consume_body(rest)
                                                : consume_head(rest);
    if (step == 0) break;
    consumed += step;
    advance_answers();
  }
  return reading_over_ ? bytes.size() : consumed;
}

/// Once a connection, and before all else: what looks like a PROXY header later on is a malformed request.
size_t Connection::consume_proxy_header(std::string_view bytes) noexcept {
  http::ProxyHeader header = http::read_proxy_header(bytes);
  switch (header.status) {
    case http::ProxyHeader::Status::kError:
      refuse(http::RequestError::kBadProxyHeader, bytes, {});
      return bytes.size();
    case http::ProxyHeader::Status::kNeedMore:
      return 0;
    case http::ProxyHeader::Status::kComplete:
      break;
  }
  if (!listener_.introduce(header, accepted_)) {
    closing_ = true;
    return bytes.size();
  }
  return header.size;
}

size_t Connection::consume_head(std::string_view bytes) noexcept {
  if (!partial_ && listener_.parser_is_lent()) partial_ = std::make_unique<PartialHead>(settings().head);
  http::RequestParser& parser = partial_ ? partial_->parser : listener_.shared_parser();
  if (!partial_) parser.reset();
  switch (parser.feed(bytes)) {
    case http::RequestParser::Status::kError:
      refuse(parser.error(), bytes, parser.request_line());
      return bytes.size();
    case http::RequestParser::Status::kNeedMore:
      if (!partial_) {
        partial_ = std::make_unique<PartialHead>(settings().head);
        partial_->parser.resume_from(parser);
      }
      return 0;
    case http::RequestParser::Status::kComplete:
      break;
  }

  const http::RequestLine& line = parser.request_line();
  std::string_view head = bytes.substr(0, parser.head_size());
  http::RequestFraming framing;
  http::RequestError error = http::frame_request(line, parser.fields(), head, framing);
  if (error == http::RequestError::kNone && framing.content_length > settings().max_body_size) {
    error = http::RequestError::kBodyTooLarge;
  }
  if (settings().client_certificate == ClientCertificate::kRequired && client_certificate().empty()) {
    error = http::RequestError::kNoClientCertificate;
  }
  if (error != http::RequestError::kNone) {
    refuse(error, head, line);
    return bytes.size();
  }

  bool safe = Exchange::is_safe(line, framing);
  if (first_ && !(safe && last_->safe_)) {
    // RFC 9112 §9.3.2: pipelined requests may run at the same time only if all of them are safe. This one is parsed
    // again when its turn comes.
    stalled_ = true;
    partial_.reset();
    return 0;
  }

  requests_++;
  if (requests_ == settings().max_requests_per_connection) framing.keep_alive = false;
  Exchange& exchange = loop().exchanges().acquire();
  exchange.begin(*this, line, framing, safe);
  size_t consumed = head.size();
  std::string_view body;
  if (framing.body != http::RequestFraming::Body::kNone) {
    bool arrived =
        framing.body == http::RequestFraming::Body::kLength && bytes.size() - consumed >= framing.content_length;
    if (!arrived) {
      hold(exchange, parser, framing, head);
      partial_.reset();
      if (framing.expect_continue && consumed == bytes.size()) send(kContinue);
      return consumed;
    }
    body = bytes.substr(consumed, static_cast<size_t>(framing.content_length));
    consumed += body.size();
  }
  // The request's views lie in the parser, which has to be left alone until the gateway has seen them.
  std::unique_ptr<PartialHead> parsed = std::move(partial_);
  if (!parsed) listener_.lend_parser(true);
  bool has_body = framing.body != http::RequestFraming::Body::kNone;
  dispatch(exchange, {line, parser.fields(), head, body, nullptr, has_body, accepted_.from_trusted_proxy,
                      accepted_.peer, listener_, client_certificate()});
  if (!parsed) listener_.lend_parser(false);
  return consumed;
}

void Connection::hold(Exchange& exchange, const http::RequestParser& parser, const http::RequestFraming& framing,
                      std::string_view head) noexcept {
  uint64_t max_size = settings().max_body_size;
  bool chunked = framing.body == http::RequestFraming::Body::kChunked;
  exchange.held_ = std::make_unique<HeldRequest>(HeldRequest{
      .line = parser.request_line(),
      .fields = {parser.fields().begin(), parser.fields().end()},
      .head = std::string(head),
      .decoder = chunked ? http::BodyDecoder::chunked(max_size)
                         : http::BodyDecoder::with_length(framing.content_length, max_size),
      .body = {loop().body_memory(), framing.content_length},
  });
  collecting_ = &exchange;
}

size_t Connection::consume_body(std::string_view bytes) noexcept {
  HeldRequest& held = *collecting_->held_;
  size_t consumed = 0;
  for (;;) {
    http::BodyDecoder::Step step = held.decoder.decode(bytes.substr(consumed));
    consumed += step.consumed;
    int error_number = step.content.empty() ? 0 : held.body.append(step.content);
    if (error_number == 0 && step.status == http::BodyDecoder::Status::kDone) error_number = held.body.finish();
    if (error_number != 0) {
      notice(Notice::kBodyStoreFailed, error_number);
      refuse(http::RequestError::kBodyNotStored, held.head, held.line);
      return bytes.size();
    }
    switch (step.status) {
      case http::BodyDecoder::Status::kContent:
        continue;
      case http::BodyDecoder::Status::kNeedMore:
        return consumed;
      case http::BodyDecoder::Status::kError:
        refuse(step.error, held.head, held.line);
        return bytes.size();
      case http::BodyDecoder::Status::kDone:
        break;
    }
    break;
  }
  Exchange& exchange = *std::exchange(collecting_, nullptr);
  std::unique_ptr<HeldRequest> request = std::move(exchange.held_);
  exchange.body_share_ = request->body.take_share();
  dispatch(exchange, {request->line, request->fields, request->head, request->body.in_memory(), &request->body, true,
                      accepted_.from_trusted_proxy, accepted_.peer, listener_, client_certificate()});
  return consumed;
}

std::string_view Connection::client_certificate() {
  if (settings().client_certificate == ClientCertificate::kNotAsked) return {};
  if (!client_certificate_) client_certificate_ = std::make_unique<std::string>(client_certificate_of(socket_));
  return *client_certificate_;
}

void Connection::dispatch(Exchange& exchange, const Request& request) noexcept {
  // The wait for the request is over; one for the answer to an earlier one, or for the client to read, goes on.
  if (waiting_.kind != Wait::kAnswer && waiting_.kind != Wait::kSend) stop_waiting();
  enqueue(exchange);
  // RFC 9112 §9.6: what a client sends behind its last request is not a request.
  if (!exchange.keep_alive_) reading_over_ = true;
  loop().counters().requests++;
  share_.take_request(loop().share());
  loop().gateway().on_request(exchange, request);
}

void Connection::refuse(http::RequestError error, std::string_view head, const http::RequestLine& line) noexcept {
  loop().counters().refused++;
  if (settings().report_refusals) {
    // Empty lines may stand before the request line (RFC 9112 §2.2).
    head.remove_prefix(std::min(head.find_first_not_of("\r\n"), head.size()));
    std::string_view text = head.substr(0, std::min(head.find_first_of("\r\n"), kLoggedRequestLine));
    loop().gateway().on_refused(listener_, {http::status_code(error), http::describe(error), text, accepted_.peer});
  }
  end_with(http::status_of(error), http::describe(error), is_head(line));
}

void Connection::end_with(std::string_view status, std::string_view text, bool head_request) noexcept {
  drop_collecting();
  // No byte behind a refused request is ever taken for another request.
  reading_over_ = true;
  linger_ = !half_closed_;
  Exchange& exchange = loop().exchanges().acquire();
  exchange.begin_refused(*this);
  enqueue(exchange);
  http::ResponseContext context;
  context.head_request = head_request;
  context.keep_alive = false;
  context.date = loop().date();
  context.server = settings().server;
  http::write_error_response(status, text, context, exchange.sink());
  changed_ = true;
}

}  // namespace uwsgiref::net
