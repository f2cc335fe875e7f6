#include "http/field_names.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "http/char_class.h"

namespace uwsgiref::http {
namespace {

// In the order of the enumeration behind kUnknown.
constexpr std::array<std::string_view, kFieldNameCount> kNames{
    "",
    "Accept",
    "Accept-Charset",
    "Accept-Encoding",
    "Accept-Language",
    "Access-Control-Request-Headers",
    "Access-Control-Request-Method",
    "Authorization",
    "Cache-Control",
    "Connection",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Location",
    "Content-Type",
    "Cookie",
    "Date",
    "DNT",
    "Expect",
    "Forwarded",
    "From",
    "Host",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Keep-Alive",
    "Max-Forwards",
    "Origin",
    "Pragma",
    "Priority",
    "Proxy",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Range",
    "Referer",
    "Sec-CH-UA",
    "Sec-CH-UA-Mobile",
    "Sec-CH-UA-Platform",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Mode",
    "Sec-Fetch-Site",
    "Sec-Fetch-User",
    "Server",
    "TE",
    "Trailer",
    "Trailers",
    "Transfer-Encoding",
    "Upgrade",
    "Upgrade-Insecure-Requests",
    "User-Agent",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "X-Request-ID",
    "X-Requested-With",
};

constexpr size_t kShortestName = 2;
constexpr size_t kLongestName = 30;

static_assert(std::all_of(kNames.begin() + 1, kNames.end(), [](std::string_view name) {
  return name.size() >= kShortestName && name.size() <= kLongestName && is_token(name);
}));

// A perfect hash: these four bytes tell all names apart, and the multiplier, found by trial, sends each to a slot of
// its own. A name costs one multiplication and one comparison.
constexpr uint32_t kMultiplier = 0xba1a5609;
constexpr size_t kSlots = 256;

constexpr uint32_t slot_of(std::string_view name) noexcept {
  const size_t size = name.size();
  const auto letter = [name](size_t at) { return static_cast<uint32_t>(static_cast<uint8_t>(name[at]) | 0x20); };
  const uint32_t key =
      static_cast<uint32_t>(size) | letter(0) << 8 | letter(size - 1) << 16 | letter(size > 3 ? size - 3 : 0) << 24;
  return key * kMultiplier >> 24;
}

/// A name as it is compared: every byte of the candidate is or-ed with `fold`, 0x20 where a letter stands and 0
/// elsewhere, and must then equal `lower`. Thus "A" matches "a", but CR does not match "-".
struct KnownName {
  alignas(32) std::array<char, 32> lower{};
  std::array<char, 32> fold{};
  uint8_t size = 0;
};

struct Tables {
  std::array<KnownName, kFieldNameCount> names{};
  std::array<FieldName, kSlots> slots{};
  std::array<std::array<char, 40>, kFieldNameCount> cgi_keys{};
  std::array<uint8_t, kFieldNameCount> cgi_key_sizes{};
  bool perfect = true;
};

constexpr Tables make_tables() noexcept {
  Tables tables;
  for (size_t id = 1; id < kFieldNameCount; ++id) {
    const std::string_view name = kNames[id];
    KnownName& known = tables.names[id];
    known.size = static_cast<uint8_t>(name.size());
    // RFC 3875 §4.1.18: upper case, "-" as "_", and a prefix that the two fields with variables of their own lack.
    const bool bare = name == "Content-Type" || name == "Content-Length";
    std::array<char, 40>& key = tables.cgi_keys[id];
    size_t key_size = 0;
    for (const char c : bare ? std::string_view{} : std::string_view{"HTTP_"}) key[key_size++] = c;
    for (size_t at = 0; at < name.size(); ++at) {
      const char lower = to_lower(name[at]);
      const bool letter = lower >= 'a' && lower <= 'z';
      known.lower[at] = lower;
      known.fold[at] = letter ? 0x20 : 0;
      key[key_size++] = letter ? static_cast<char>(lower & ~0x20) : '_';
    }
    tables.cgi_key_sizes[id] = static_cast<uint8_t>(key_size);
    FieldName& slot = tables.slots[slot_of(name)];
    if (slot != FieldName::kUnknown) tables.perfect = false;
    slot = static_cast<FieldName>(id);
  }
  return tables;
}

constexpr Tables kTables = make_tables();
static_assert(kTables.perfect, "two names share a slot: find another multiplier");

template <class Word>
bool matches(const KnownName& known, const char* name, size_t at) noexcept {
  Word bytes, fold, lower;
  std::memcpy(&bytes, name + at, sizeof(Word));
  std::memcpy(&fold, known.fold.data() + at, sizeof(Word));
  std::memcpy(&lower, known.lower.data() + at, sizeof(Word));
  return (bytes | fold) == lower;
}

// Compares by words; the last word overlaps the one before it, so that nothing behind the name is read.
bool matches(const KnownName& known, std::string_view name) noexcept {
  const char* const bytes = name.data();
  const size_t size = name.size();
  if (size >= sizeof(uint64_t)) {
    for (size_t at = 0; at + sizeof(uint64_t) < size; at += sizeof(uint64_t)) {
      if (!matches<uint64_t>(known, bytes, at)) return false;
    }
    return matches<uint64_t>(known, bytes, size - sizeof(uint64_t));
  }
  if (size >= sizeof(uint32_t)) {
    return matches<uint32_t>(known, bytes, 0) && matches<uint32_t>(known, bytes, size - sizeof(uint32_t));
  }
  return matches<uint16_t>(known, bytes, 0) && matches<uint16_t>(known, bytes, size - sizeof(uint16_t));
}

}  // namespace

FieldName find_field_name(std::string_view name) noexcept {
  if (name.size() < kShortestName || name.size() > kLongestName) return FieldName::kUnknown;
  const FieldName candidate = kTables.slots[slot_of(name)];
  const KnownName& known = kTables.names[static_cast<size_t>(candidate)];
  return known.size == name.size() && matches(known, name) ? candidate : FieldName::kUnknown;
}

std::string_view cgi_key(FieldName name) noexcept {
  const auto id = static_cast<size_t>(name);
  if (id >= kFieldNameCount) return {};
  return {kTables.cgi_keys[id].data(), kTables.cgi_key_sizes[id]};
}

bool is_hop_by_hop(FieldName name) noexcept {
  switch (name) {
    case FieldName::kConnection:
    case FieldName::kKeepAlive:
    case FieldName::kProxyAuthenticate:
    case FieldName::kProxyAuthorization:
    case FieldName::kProxyConnection:
    case FieldName::kTe:
    case FieldName::kTrailer:
    case FieldName::kTrailers:
    case FieldName::kTransferEncoding:
    case FieldName::kUpgrade:
      return true;
    default:
      return false;
  }
}

}  // namespace uwsgiref::http
