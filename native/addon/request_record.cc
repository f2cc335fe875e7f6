#include "addon/request_record.h"

#include <bitset>
#include <charconv>
#include <string_view>

#include "http/field_names.h"
#include "http/percent_decode.h"
#include "net/listener.h"
#include "net/peer_address.h"
#include "net/request_body.h"

namespace uwsgiref::addon {
namespace {

using http::Field;
using http::FieldName;
using http::Slice;

constexpr std::string_view kCgiPrefix = "HTTP_";

bool hidden(const Field& field, std::string_view head) noexcept {
  if (field.id == FieldName::kProxy || field.id == FieldName::kTransferEncoding) return true;
  return field.id == FieldName::kUnknown && field.name.of(head).find('_') != std::string_view::npos;
}

Slice append_cgi_key(http::ByteBuffer& text, std::string_view name) noexcept {
  auto begin = static_cast<uint32_t>(text.size());
  text.append(kCgiPrefix);
  char* out = text.reserve(name.size());
  for (char c : name) *out++ = c == '-' ? '_' : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  text.grow_by(name.size());
  return {begin, static_cast<uint32_t>(text.size())};
}

Slice append_decoded(http::ByteBuffer& text, std::string_view path) noexcept {
  auto begin = static_cast<uint32_t>(text.size());
  text.grow_by(http::percent_decode(path, text.reserve(path.size())));
  return {begin, static_cast<uint32_t>(text.size())};
}

}  // namespace

size_t write_request_record(const net::Request& request, std::span<uint32_t> places, http::ByteBuffer& text) noexcept {
  const http::RequestLine& line = request.line;
  std::string_view head = request.head;
  // The parser's offsets count from the head's first byte, the record's from the text's.
  auto base = static_cast<uint32_t>(text.size());
  text.append(head);

  Slice path{line.path.begin + base, line.path.end + base};
  if (line.path.of(head).find('%') != std::string_view::npos) path = append_decoded(text, line.path.of(head));

  // Address, port and certificate stand side by side.
  char* address = text.reserve(net::PeerAddress::kMaxText + 5);
  auto address_begin = static_cast<uint32_t>(text.size());
  size_t address_size = request.peer.write_text(address);
  size_t port_size = 0;
  if (address_size > 0) {
    char* port = address + address_size;
    port_size = static_cast<size_t>(std::to_chars(port, port + 5, request.peer.port()).ptr - port);
  }
  text.grow_by(address_size + port_size);
  text.append(request.client_certificate);

  uint64_t body_size = request.stored ? request.stored->size() : request.body.size();
  bool in_file = request.stored && request.stored->in_file();
  uint32_t flags = 0;
  if (line.minor_version == 1) flags |= record::kHttp11;
  if (request.has_body) flags |= record::kHasBody;
  if (in_file) flags |= record::kBodyInFile;
  if (request.from_trusted_proxy) flags |= record::kFromTrustedProxy;
  places[record::kFlags] = flags;
  places[record::kMethod] = static_cast<uint32_t>(line.method_id);
  places[record::kMethodBegin] = base + line.method.begin;
  places[record::kMethodEnd] = base + line.method.end;
  places[record::kTargetBegin] = base + line.target.begin;
  places[record::kTargetEnd] = base + line.target.end;
  places[record::kPathBegin] = path.begin;
  places[record::kPathEnd] = path.end;
  places[record::kQueryBegin] = base + line.query.begin;
  places[record::kQueryEnd] = base + line.query.end;
  places[record::kAuthorityBegin] = base + line.authority.begin;
  places[record::kAuthorityEnd] = base + line.authority.end;
  places[record::kAddressBegin] = address_begin;
  places[record::kAddressEnd] = address_begin + static_cast<uint32_t>(address_size);
  places[record::kPortEnd] = address_begin + static_cast<uint32_t>(address_size + port_size);
  places[record::kCertificateEnd] = static_cast<uint32_t>(text.size());
  places[record::kBodySizeHigh] = static_cast<uint32_t>(body_size >> 32);
  places[record::kBodySizeLow] = static_cast<uint32_t>(body_size);
  places[record::kBodyFile] = in_file ? static_cast<uint32_t>(request.stored->take_file()) : 0;

  std::bitset<http::kFieldNameCount> seen;
  uint32_t count = 0;
  uint32_t* place = places.data() + record::kFields;
  for (const Field& field : request.fields) {
    if (hidden(field, head)) continue;
    auto id = static_cast<uint32_t>(field.id);
    Slice key;
    if (field.id == FieldName::kUnknown) key = append_cgi_key(text, field.name.of(head));
    place[record::kKey] = id;
    place[record::kRepeats] = seen[id];
    place[record::kValueBegin] = base + field.value.begin;
    place[record::kValueEnd] = base + field.value.end;
    place[record::kKeyBegin] = key.begin;
    place[record::kKeyEnd] = key.end;
    // Of unknown names only JavaScript can tell, which has the keys.
    seen[id] = true;
    place += record::kFieldPlaces;
    count++;
  }
  places[record::kFieldCount] = count;
  return record::kFields + count * record::kFieldPlaces;
}

}  // namespace uwsgiref::addon
