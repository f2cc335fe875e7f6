#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace uwsgiref::test {

/// A request, most of them well-formed. Each has a target of its own: `number`.
///
///   g GET             h HEAD           o OPTIONS *        d DELETE
///   p POST, length    c POST, chunked  e, E the same, and the client waits for a 100
///   x GET, the last   0 HTTP/1.0 GET   1 HTTP/1.0 GET, keep-alive   P HTTP/1.0 POST
///   n HEAD without Host   b a bad chunk   u an unknown expectation   l empty lines before a GET
///   t many fields, and trailers
std::string sent_request(uint8_t shape, uint8_t size, size_t number);

/// A PROXY header that says who connects from the address and the port.
///
///   1 text   6 text, IPv6   2 binary   l LOCAL   u UNKNOWN   b, g none that is well-formed
std::string sent_proxy_header(uint8_t shape, uint8_t address, int port);

}  // namespace uwsgiref::test
