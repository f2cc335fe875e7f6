#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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
  RequestStream(const net::Settings& settings, bool certified) : settings_(settings), certified_(certified) {}

  void append(std::string_view bytes);
  const Next& next() const noexcept { return next_; }
  /// Goes behind the next request.
  void take();
  /// The request line that stands next, as far as it is there.
  std::string_view request_line() const noexcept;
  size_t taken() const noexcept { return taken_; }

 private:
  void look();
  void look_at_body(std::string_view bytes);

  const net::Settings& settings_;
  const bool certified_;
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
