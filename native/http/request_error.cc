#include "http/request_error.h"

#include <array>
#include <cstddef>

namespace uwsgiref::http {
namespace {

struct Answer {
  RequestError error;
  uint16_t code;
  std::string_view description;
};

constexpr size_t kErrorCount = static_cast<size_t>(RequestError::kCount);

// In the order of the enumeration, so that an error is its own index.
constexpr std::array<Answer, kErrorCount> kAnswers{{
    {RequestError::kNone, 0, ""},
    {RequestError::kBadProxyHeader, 400, "The connection does not begin with a PROXY header, or it is malformed."},
    {RequestError::kBadMethod, 400, "The request line does not begin with a method."},
    {RequestError::kMethodTooLong, 501, "The method is longer than any that this server knows."},
    {RequestError::kBadTarget, 400, "The request target is malformed or does not fit the method."},
    {RequestError::kTargetTooLong, 414, "The request target is longer than this server accepts."},
    {RequestError::kBadVersion, 400, "The request line does not end with an HTTP version."},
    {RequestError::kVersionNotSupported, 505, "This server speaks HTTP/1.1 and HTTP/1.0 only."},
    {RequestError::kBadLineEnd, 400, "A line of the request head does not end with CR LF."},
    {RequestError::kHeadTooLarge, 431, "The request head is larger than this server accepts."},
    {RequestError::kTooManyFields, 431, "The request has more field lines than this server accepts."},
    {RequestError::kBadFieldName, 400, "A field name is empty or holds a character that no field name may hold."},
    {RequestError::kObsoleteFolding, 400, "A field line begins with white space, as obsolete line folding has it."},
    {RequestError::kBadFieldValue, 400, "A field value holds a control character."},
    {RequestError::kNoTunnel, 501, "This server opens no tunnels."},
    {RequestError::kMissingHost, 400, "An HTTP/1.1 request needs a Host field."},
    {RequestError::kRepeatedHost, 400, "The request has more than one Host field."},
    {RequestError::kBadHost, 400, "The Host field is not a host with an optional port."},
    {RequestError::kBadContentLength, 400, "The Content-Length field is not a decimal number in range."},
    {RequestError::kConflictingContentLength, 400, "The request has differing Content-Length values."},
    {RequestError::kLengthAndTransferEncoding, 400, "The request has both Content-Length and Transfer-Encoding."},
    {RequestError::kTransferEncodingInHttp10, 400, "Transfer-Encoding has no meaning in an HTTP/1.0 request."},
    {RequestError::kBadTransferEncoding, 400, "Transfer-Encoding must end with chunked, named once."},
    {RequestError::kUnknownTransferCoding, 501, "This server knows no transfer coding but chunked."},
    {RequestError::kUnknownExpectation, 417, "This server knows no expectation but 100-continue."},
    {RequestError::kBodyTooLarge, 413, "The request body is larger than this server accepts."},
    {RequestError::kBadChunkSize, 400, "A chunk-size line of the request body is malformed."},
    {RequestError::kChunkExtensionTooLong, 400, "The chunk extensions are longer than this server accepts."},
    {RequestError::kBadChunkEnd, 400, "A chunk of the request body does not end with CR LF."},
    {RequestError::kBadTrailer, 400, "The trailer section of the request body is malformed."},
    {RequestError::kTrailerTooLarge, 431,
     "The trailer section of the request body is larger than this server accepts."},
    {RequestError::kBodyNotStored, 500, "The request body could not be stored."},
    {RequestError::kNoClientCertificate, 403, "This server demands a client certificate."},
    {RequestError::kHeadTimeout, 408, "The request head did not arrive in time."},
    {RequestError::kBodyTimeout, 408, "The request body did not arrive in time."},
}};

constexpr bool every_error_is_its_own_index() {
  for (size_t i = 0; i < kErrorCount; ++i) {
    if (kAnswers[i].error != static_cast<RequestError>(i)) return false;
  }
  return true;
}
static_assert(every_error_is_its_own_index());

const Answer& answer_to(RequestError error) noexcept {
  const auto index = static_cast<size_t>(error);
  return kAnswers[index < kErrorCount ? index : 0];
}

}  // namespace

uint16_t status_code(RequestError error) noexcept { return answer_to(error).code; }

std::string_view status_of(RequestError error) noexcept {
  switch (status_code(error)) {
    case 400:
      return "400 Bad Request";
    case 403:
      return "403 Forbidden";
    case 408:
      return "408 Request Timeout";
    case 413:
      return "413 Content Too Large";
    case 414:
      return "414 URI Too Long";
    case 417:
      return "417 Expectation Failed";
    case 431:
      return "431 Request Header Fields Too Large";
    case 500:
      return "500 Internal Server Error";
    case 501:
      return "501 Not Implemented";
    case 505:
      return "505 HTTP Version Not Supported";
    default:
      return "";
  }
}

std::string_view describe(RequestError error) noexcept { return answer_to(error).description; }

}  // namespace uwsgiref::http
