#include "http/request_framing.h"

#include <optional>

#include "http/char_class.h"
#include "http/content_length.h"
#include "http/field_list.h"
#include "http/host_port.h"

namespace uwsgiref::http {
namespace {

/// Reads the fields that frame one by one, then judges them together. Each read answers whether the field is sound.
class FramingFields {
 public:
  RequestError read(FieldName id, std::string_view value, bool http11) noexcept {
    switch (id) {
      case FieldName::kHost:
        return read_host(value);
      case FieldName::kContentLength:
        return read_content_length(value);
      case FieldName::kTransferEncoding:
        return read_transfer_encoding(value);
      case FieldName::kConnection:
        close_ = close_ || list_has(value, "close");
        keep_alive_ = keep_alive_ || list_has(value, "keep-alive");
        return RequestError::kNone;
      case FieldName::kExpect:
        // RFC 9110 §10.1.1: in an HTTP/1.0 request it is to be ignored.
        return http11 ? read_expect(value) : RequestError::kNone;
      default:
        return RequestError::kNone;
    }
  }

  RequestError judge(bool http11, RequestFraming& framing) const noexcept {
    // RFC 9112 §3.2: a server must answer 400 to a request of HTTP/1.1 that lacks Host.
    if (http11 && !host_) return RequestError::kMissingHost;
    if (transfer_encoding_) {
      // RFC 9112 §6.1: what such a message means depends on who reads it, which is how requests are smuggled.
      if (!http11) return RequestError::kTransferEncodingInHttp10;
      if (length_) return RequestError::kLengthAndTransferEncoding;
      if (!chunked_is_last_) return RequestError::kBadTransferEncoding;
      if (unknown_coding_) return RequestError::kUnknownTransferCoding;
    }
    framing = {};
    if (transfer_encoding_) {
      framing.body = RequestFraming::Body::kChunked;
    } else if (length_) {
      framing.body = RequestFraming::Body::kLength;
      framing.content_length = *length_;
    }
    // RFC 9112 §9.3: close overrides keep-alive.
    framing.keep_alive = !close_ && (http11 || keep_alive_);
    // RFC 9110 §10.1.1: a server may omit the 100 where the framing says that there is no content.
    framing.expect_continue = expect_continue_ && (transfer_encoding_ || framing.content_length > 0);
    return RequestError::kNone;
  }

 private:
  RequestError read_host(std::string_view value) noexcept {
    if (host_) return RequestError::kRepeatedHost;
    host_ = true;
    // RFC 9110 §7.2: empty where the target has no authority.
    return value.empty() || split_host_port(value) ? RequestError::kNone : RequestError::kBadHost;
  }

  // RFC 9112 §6.3: a list of the same number, in one line or several, may count as that number once.
  RequestError read_content_length(std::string_view value) noexcept {
    RequestError error = RequestError::kNone;
    each_list_element(value, [&](std::string_view element) {
      const std::optional<uint64_t> length = parse_content_length(element);
      if (!length) {
        error = RequestError::kBadContentLength;
      } else if (length_ && *length_ != *length) {
        error = RequestError::kConflictingContentLength;
      } else {
        length_ = length;
      }
      return error == RequestError::kNone;
    });
    return error;
  }

  // RFC 9112 §6.1: chunked comes last and once. It has no parameters (§7.1), and an empty element, which a lenient
  // reader skips, would let two readers see different lists.
  RequestError read_transfer_encoding(std::string_view value) noexcept {
    transfer_encoding_ = true;
    const bool sound = each_list_element(value, [this](std::string_view element) {
      const std::string_view coding = trim_white_space(element.substr(0, element.find(';')));
      if (!is_token(coding)) return false;
      if (chunked_is_last_) return false;
      chunked_is_last_ = equals_ignoring_case(coding, "chunked");
      unknown_coding_ = unknown_coding_ || !chunked_is_last_;
      return !chunked_is_last_ || coding.size() == element.size();
    });
    return sound ? RequestError::kNone : RequestError::kBadTransferEncoding;
  }

  RequestError read_expect(std::string_view value) noexcept {
    const bool known = each_list_element(value, [this](std::string_view element) {
      if (element.empty()) return true;
      expect_continue_ = equals_ignoring_case(element, "100-continue");
      return expect_continue_;
    });
    return known ? RequestError::kNone : RequestError::kUnknownExpectation;
  }

  std::optional<uint64_t> length_;
  bool host_ = false;
  bool transfer_encoding_ = false;
  bool chunked_is_last_ = false;
  bool unknown_coding_ = false;
  bool close_ = false;
  bool keep_alive_ = false;
  bool expect_continue_ = false;
};

}  // namespace

RequestError frame_request(const RequestLine& line, std::span<const Field> fields, std::string_view head,
                           RequestFraming& framing) noexcept {
  // RFC 9110 §9.3.6: a 2xx would turn the connection into a tunnel, and no gateway has a way to serve one. The client
  // would take an answer for the tunnel's first bytes, the engine the tunnel's bytes for requests.
  if (line.method_id == Method::kConnect) return RequestError::kNoTunnel;
  const bool http11 = line.minor_version > 0;
  FramingFields seen;
  for (const Field& field : fields) {
    const RequestError error = seen.read(field.id, field.value.of(head), http11);
    if (error != RequestError::kNone) return error;
  }
  return seen.judge(http11, framing);
}

}  // namespace uwsgiref::http
