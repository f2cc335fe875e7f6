#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace uwsgiref::http {

/// A field name that the engine knows. The number is also the index into the table of CGI keys that a gateway
/// builds once, so that no key is computed per request.
enum class FieldName : uint8_t {
  kUnknown = 0,
  kAccept,
  kAcceptCharset,
  kAcceptEncoding,
  kAcceptLanguage,
  kAccessControlRequestHeaders,
  kAccessControlRequestMethod,
  kAuthorization,
  kCacheControl,
  kConnection,
  kContentEncoding,
  kContentLanguage,
  kContentLength,
  kContentLocation,
  kContentType,
  kCookie,
  kDate,
  kDnt,
  kExpect,
  kForwarded,
  kFrom,
  kHost,
  kIfMatch,
  kIfModifiedSince,
  kIfNoneMatch,
  kIfRange,
  kIfUnmodifiedSince,
  kKeepAlive,
  kMaxForwards,
  kOrigin,
  kPragma,
  kPriority,
  kProxy,
  kProxyAuthenticate,
  kProxyAuthorization,
  kProxyConnection,
  kRange,
  kReferer,
  kSecChUa,
  kSecChUaMobile,
  kSecChUaPlatform,
  kSecFetchDest,
  kSecFetchMode,
  kSecFetchSite,
  kSecFetchUser,
  kServer,
  kTe,
  kTrailer,
  kTrailers,
  kTransferEncoding,
  kUpgrade,
  kUpgradeInsecureRequests,
  kUserAgent,
  kVia,
  kXForwardedFor,
  kXForwardedHost,
  kXForwardedProto,
  kXRealIp,
  kXRequestId,
  kXRequestedWith,
  kCount,
};

inline constexpr size_t kFieldNameCount = static_cast<size_t>(FieldName::kCount);

/// The known name that `name` is, compared without case; kUnknown for any other.
FieldName find_field_name(std::string_view name) noexcept;

/// The environ key of a known field: "HTTP_ACCEPT", and "CONTENT_TYPE" and "CONTENT_LENGTH" without the prefix
/// (RFC 3875 §4.1). Empty for kUnknown.
std::string_view cgi_key(FieldName name) noexcept;

/// Whether the field concerns one connection only and may not be passed on (RFC 2616 §13.5.1, RFC 9110 §7.6.1).
/// `Trailer` counts beside RFC 2616's misspelt `Trailers`.
bool is_hop_by_hop(FieldName name) noexcept;

}  // namespace uwsgiref::http
