#include "http/field_names.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <vector>

#include "native/split_feed.h"

namespace uwsgiref::test {
namespace {

using namespace http;

struct Known {
  FieldName id;
  std::string_view name, key;
};

const std::vector<Known>& known_names() {
  static const std::vector<Known> names{
      {FieldName::kAccept, "Accept", "HTTP_ACCEPT"},
      {FieldName::kAcceptCharset, "Accept-Charset", "HTTP_ACCEPT_CHARSET"},
      {FieldName::kAcceptEncoding, "Accept-Encoding", "HTTP_ACCEPT_ENCODING"},
      {FieldName::kAcceptLanguage, "Accept-Language", "HTTP_ACCEPT_LANGUAGE"},
      {FieldName::kAccessControlRequestHeaders, "Access-Control-Request-Headers",
       "HTTP_ACCESS_CONTROL_REQUEST_HEADERS"},
      {FieldName::kAccessControlRequestMethod, "Access-Control-Request-Method", "HTTP_ACCESS_CONTROL_REQUEST_METHOD"},
      {FieldName::kAuthorization, "Authorization", "HTTP_AUTHORIZATION"},
      {FieldName::kCacheControl, "Cache-Control", "HTTP_CACHE_CONTROL"},
      {FieldName::kConnection, "Connection", "HTTP_CONNECTION"},
      {FieldName::kContentEncoding, "Content-Encoding", "HTTP_CONTENT_ENCODING"},
      {FieldName::kContentLanguage, "Content-Language", "HTTP_CONTENT_LANGUAGE"},
      {FieldName::kContentLength, "Content-Length", "CONTENT_LENGTH"},
      {FieldName::kContentLocation, "Content-Location", "HTTP_CONTENT_LOCATION"},
      {FieldName::kContentType, "Content-Type", "CONTENT_TYPE"},
      {FieldName::kCookie, "Cookie", "HTTP_COOKIE"},
      {FieldName::kDate, "Date", "HTTP_DATE"},
      {FieldName::kDnt, "DNT", "HTTP_DNT"},
      {FieldName::kExpect, "Expect", "HTTP_EXPECT"},
      {FieldName::kForwarded, "Forwarded", "HTTP_FORWARDED"},
      {FieldName::kFrom, "From", "HTTP_FROM"},
      {FieldName::kHost, "Host", "HTTP_HOST"},
      {FieldName::kIfMatch, "If-Match", "HTTP_IF_MATCH"},
      {FieldName::kIfModifiedSince, "If-Modified-Since", "HTTP_IF_MODIFIED_SINCE"},
      {FieldName::kIfNoneMatch, "If-None-Match", "HTTP_IF_NONE_MATCH"},
      {FieldName::kIfRange, "If-Range", "HTTP_IF_RANGE"},
      {FieldName::kIfUnmodifiedSince, "If-Unmodified-Since", "HTTP_IF_UNMODIFIED_SINCE"},
      {FieldName::kKeepAlive, "Keep-Alive", "HTTP_KEEP_ALIVE"},
      {FieldName::kMaxForwards, "Max-Forwards", "HTTP_MAX_FORWARDS"},
      {FieldName::kOrigin, "Origin", "HTTP_ORIGIN"},
      {FieldName::kPragma, "Pragma", "HTTP_PRAGMA"},
      {FieldName::kPriority, "Priority", "HTTP_PRIORITY"},
      {FieldName::kProxy, "Proxy", "HTTP_PROXY"},
      {FieldName::kProxyAuthenticate, "Proxy-Authenticate", "HTTP_PROXY_AUTHENTICATE"},
      {FieldName::kProxyAuthorization, "Proxy-Authorization", "HTTP_PROXY_AUTHORIZATION"},
      {FieldName::kProxyConnection, "Proxy-Connection", "HTTP_PROXY_CONNECTION"},
      {FieldName::kRange, "Range", "HTTP_RANGE"},
      {FieldName::kReferer, "Referer", "HTTP_REFERER"},
      {FieldName::kSecChUa, "Sec-CH-UA", "HTTP_SEC_CH_UA"},
      {FieldName::kSecChUaMobile, "Sec-CH-UA-Mobile", "HTTP_SEC_CH_UA_MOBILE"},
      {FieldName::kSecChUaPlatform, "Sec-CH-UA-Platform", "HTTP_SEC_CH_UA_PLATFORM"},
      {FieldName::kSecFetchDest, "Sec-Fetch-Dest", "HTTP_SEC_FETCH_DEST"},
      {FieldName::kSecFetchMode, "Sec-Fetch-Mode", "HTTP_SEC_FETCH_MODE"},
      {FieldName::kSecFetchSite, "Sec-Fetch-Site", "HTTP_SEC_FETCH_SITE"},
      {FieldName::kSecFetchUser, "Sec-Fetch-User", "HTTP_SEC_FETCH_USER"},
      {FieldName::kServer, "Server", "HTTP_SERVER"},
      {FieldName::kTe, "TE", "HTTP_TE"},
      {FieldName::kTrailer, "Trailer", "HTTP_TRAILER"},
      {FieldName::kTrailers, "Trailers", "HTTP_TRAILERS"},
      {FieldName::kTransferEncoding, "Transfer-Encoding", "HTTP_TRANSFER_ENCODING"},
      {FieldName::kUpgrade, "Upgrade", "HTTP_UPGRADE"},
      {FieldName::kUpgradeInsecureRequests, "Upgrade-Insecure-Requests", "HTTP_UPGRADE_INSECURE_REQUESTS"},
      {FieldName::kUserAgent, "User-Agent", "HTTP_USER_AGENT"},
      {FieldName::kVia, "Via", "HTTP_VIA"},
      {FieldName::kXForwardedFor, "X-Forwarded-For", "HTTP_X_FORWARDED_FOR"},
      {FieldName::kXForwardedHost, "X-Forwarded-Host", "HTTP_X_FORWARDED_HOST"},
      {FieldName::kXForwardedProto, "X-Forwarded-Proto", "HTTP_X_FORWARDED_PROTO"},
      {FieldName::kXRealIp, "X-Real-IP", "HTTP_X_REAL_IP"},
      {FieldName::kXRequestId, "X-Request-ID", "HTTP_X_REQUEST_ID"},
      {FieldName::kXRequestedWith, "X-Requested-With", "HTTP_X_REQUESTED_WITH"},
  };
  return names;
}

std::string in_case(std::string_view name, int (*change)(int)) {
  std::string changed(name);
  std::transform(changed.begin(), changed.end(), changed.begin(),
                 [change](char c) { return static_cast<char>(change(c)); });
  return changed;
}

TEST_CASE("every known name, in any case") {
  CHECK(known_names().size() == kFieldNameCount - 1);
  for (size_t i = 0; i < known_names().size(); ++i) {
    const Known& known = known_names()[i];
    const auto& [id, name, key] = known;
    CAPTURE(known.name);
    CHECK(static_cast<size_t>(id) == i + 1);
    GuardedMemory memory(64);
    CHECK(find_field_name(memory.place(name)) == id);
    CHECK(find_field_name(in_case(name, std::tolower)) == id);
    CHECK(find_field_name(in_case(name, std::toupper)) == id);
    CHECK(cgi_key(id) == key);
  }
}

TEST_CASE("one byte away from a known name") {
  std::set<std::string> names;
  for (const auto& known : known_names()) names.insert(in_case(known.name, std::tolower));
  for (const auto& sample : known_names()) {
    const auto& [id, name, key] = sample;
    for (size_t at = 0; at < name.size(); ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string other(name);
        other[at] = static_cast<char>(byte);
        const bool known = names.contains(in_case(other, [](int c) { return c < 0 ? c : std::tolower(c); }));
        if ((find_field_name(other) != FieldName::kUnknown) != known) {
          CAPTURE(other);
          CAPTURE(byte);
          REQUIRE((find_field_name(other) != FieldName::kUnknown) == known);
        }
      }
    }
    CAPTURE(sample.name);
    CHECK(find_field_name(std::string(name) + "-") == FieldName::kUnknown);
    const std::string shorter(name.substr(0, name.size() - 1));
    CHECK((find_field_name(shorter) != FieldName::kUnknown) == names.contains(in_case(shorter, std::tolower)));
  }
}

TEST_CASE("beginnings of known names, and known names with more behind") {
  std::set<std::string> names;
  for (const auto& known : known_names()) names.insert(in_case(known.name, std::tolower));
  for (const std::string& name : names) {
    for (size_t size = 0; size <= 40; ++size) {
      std::string other = name;
      other.resize(size, '\0');
      CAPTURE(other);
      CHECK((find_field_name(other) != FieldName::kUnknown) == names.contains(other));
    }
  }
}

TEST_CASE("names of no field") {
  for (const std::string_view name : {"", "x", "X", "-", "Content_Length", "Content-MD5", "X-Forwarded-By"}) {
    CHECK(find_field_name(name) == FieldName::kUnknown);
  }
  CHECK(find_field_name(std::string(300, 'a')) == FieldName::kUnknown);
  CHECK(cgi_key(FieldName::kUnknown) == "");
  CHECK(cgi_key(FieldName::kCount) == "");
}

TEST_CASE("hop-by-hop fields") {
  const std::set<std::string_view> expected{
      "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer",
      "Trailers",   "Upgrade",    "Transfer-Encoding",  "Proxy-Connection"};
  for (const auto& known : known_names()) CHECK(is_hop_by_hop(known.id) == expected.contains(known.name));
  CHECK_FALSE(is_hop_by_hop(FieldName::kUnknown));
}

}  // namespace
}  // namespace uwsgiref::test
