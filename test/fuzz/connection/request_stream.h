#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/proxy_header.h"
#include "http/request_error.h"
#include "http/request_framing.h"
#include "http/request_parser.h"
#include "net/gateway.h"
#include "net/settings.h"

namespace uwsgiref::test {

/// What the bytes that a server has got from one client say, read whole, in whatever pieces they came: what it must
/// hand over, and what it must refuse.
class RequestStream {
 public:
  enum class Kind : uint8_t {
    kNothing,  ///< not a byte of another request, or none may follow
    kHead,     ///< part of a head
    kBody,     ///< a whole head, and part of the body
    kWhole,    ///< a request
    kError,
  };

  /// What stands next in the stream.
  struct Next {
    Kind kind = Kind::kNothing;
    http::RequestError error = http::RequestError::kNone;
    bool head_request = false;  ///< the method is known, and it is HEAD
    // Of a whole head:
    http::RequestLine line;
    std::vector<http::Field> fields;
    http::RequestFraming framing;
    std::string_view head;  ///< holds until the next append()
    size_t body_arrived = 0;
    // Of a whole request:
    std::string body;
    bool persists = true;  ///< another request may follow
  };

  /// `certified`: the client shows a certificate.
  /// `proxied`: a PROXY header comes first.
  RequestStream(const net::Settings& settings, bool certified, bool proxied)
      : settings_(settings), certified_(certified), awaits_proxy_header_(proxied) {}

  void append(std::string_view bytes);
  const Next& next() const noexcept { return next_; }
  /// Goes behind the next request.
  void take();
  bool awaits_proxy_header() const noexcept { return awaits_proxy_header_; }
  /// Whole; nothing of a client that is not proxied.
  const std::optional<http::ProxyHeader>& proxy_header() const noexcept { return proxy_header_; }
  /// The request line that stands next, as far as it is there.
  std::string_view request_line() const noexcept;
  size_t taken() const noexcept { return taken_; }

 private:
  void look();
  void look_at_proxy_header();
  void look_at_body(std::string_view bytes);

  const net::Settings& settings_;
  const bool certified_;
  bool awaits_proxy_header_;
  std::optional<http::ProxyHeader> proxy_header_;
  std::string bytes_;
  size_t begin_ = 0;  ///< of the next request
  size_t end_ = 0;
  size_t taken_ = 0;
  bool over_ = false;
  Next next_;
};

/// Ends the run where the engine hands over anything but what stands next.
void expect_same(const net::Request& request, const RequestStream::Next& next);

}  // namespace uwsgiref::test
