#pragma once

#include <ostream>
#include <string_view>

#include "http/proxy_header.h"
#include "native/split_feed.h"

namespace uwsgiref::http {

inline std::ostream& operator<<(std::ostream& out, const IpAddress& address) {
  for (size_t i = 0; i < address.size; i++) out << (i ? "." : "") << int(address.bytes[i]);
  return out;
}

inline std::ostream& operator<<(std::ostream& out, const ProxyHeader& header) {
  return out << "{status " << int(header.status) << " size " << header.size << " client " << int(header.client)
             << " from " << header.source.address << " port " << header.source.port << " to "
             << header.destination.address << " port " << header.destination.port << "}";
}

}  // namespace uwsgiref::http

namespace uwsgiref::test {

/// Reads `input` as far as each cut in turn, until there is a verdict. Every time the bytes are at another address,
/// against an unreadable page.
inline http::ProxyHeader read_proxy_header(std::string_view input, const Cuts& cuts) {
  GuardedMemory memory(input.size());
  http::ProxyHeader header;
  for (const size_t cut : cuts) {
    header = http::read_proxy_header(memory.place(input.substr(0, cut)));
    if (header.status != http::ProxyHeader::Status::kNeedMore) break;
  }
  return header;
}

}  // namespace uwsgiref::test
