#include "fuzz/connection/sent_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace uwsgiref::test {

namespace {

std::string body_of(uint8_t choice) {
  static constexpr std::array<size_t, 10> kSizes{0, 1, 5, 10, 11, 100, 1000, 5000, 70'000, 600'000};
  const bool digit = choice >= '0' && choice <= '9';
  std::string body(kSizes[digit ? choice - '0' : choice % 8], '\0');
  for (size_t at = 0; at < body.size(); at++) body[at] = static_cast<char>('a' + at % 23);
  return body;
}

/// Three chunks at most, the first one with an extension.
std::string chunked(std::string_view body, std::string_view trailers) {
  std::string text;
  const size_t piece = std::max<size_t>(body.size() / 3, 1);
  for (size_t at = 0; at < body.size(); at += piece) {
    const std::string_view content = body.substr(at, piece);
    std::array<char, 16> digits;
    char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), content.size(), 16).ptr;
    text.append(digits.data(), end);
    text += at == 0 ? ";a=\"b\"\r\n" : "\r\n";
    text += content;
    text += "\r\n";
  }
  return text + "0\r\n" + std::string(trailers) + "\r\n";
}

}  // namespace

std::string sent_request(uint8_t shape, uint8_t size, size_t number) {
  const std::string target = "/" + std::to_string(number);
  const std::string host = "Host: a\r\n";
  const std::string body = body_of(size);
  const std::string length = "Content-Length: " + std::to_string(body.size()) + "\r\n";
  const std::string coding = "Transfer-Encoding: chunked\r\n";
  const std::string expect = "Expect: 100-continue\r\n";
  const auto request = [&](std::string method, std::string fields, std::string version = "1.1") {
    return method + " " + target + " HTTP/" + version + "\r\n" + fields + "\r\n";
  };
  switch (shape) {
    case 'h':
      return request("HEAD", host);
    case 'o':
      return "OPTIONS * HTTP/1.1\r\n" + host + "\r\n";
    case 'd':
      return request("DELETE", host);
    case 'p':
      return request("POST", host + length) + body;
    case 'c':
      return request("POST", host + coding) + chunked(body, "");
    case 'e':
      return request("POST", host + expect + length) + body;
    case 'E':
      return request("PUT", host + coding + expect) + chunked(body, "");
    case 'x':
      return request("GET", host + "Connection: close\r\n");
    case '0':
      return request("GET", "", "1.0");
    case '1':
      return request("GET", host + "Connection: keep-alive\r\n", "1.0");
    case 'P':
      return request("POST", "Connection: keep-alive\r\n" + length, "1.0") + body;
    case 'n':
      return request("HEAD", "");
    case 'b':
      return request("POST", host + coding) + "5\r\nhello!\r\n";
    case 'u':
      return request("HEAD", host + "Expect: luck\r\n");
    case 'l':
      return "\r\n\r\n" + request("GET", host);
    case 't':
      return request("POST", host + coding + "A: 1\r\nA: 2\r\nX-Y: " + body.substr(0, 300) + "\r\n") +
             chunked(body, "T: 1\r\n");
    default:
      return request("GET", host);
  }
}

std::string sent_proxy_header(uint8_t shape, uint8_t address, int port) {
  const std::string ports = " " + std::to_string(port) + " 80\r\n";
  const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);
  switch (shape) {
    case '6':
      return "PROXY TCP6 fd00::" + std::to_string(address) + " fd00::1" + ports;
    case '2': {
      std::string header = signature + std::string("\x21\x11\0\x0c\x0a\0\0", 7);
      header += static_cast<char>(address);
      header += std::string("\x0a\0\0\1", 4);
      header += static_cast<char>(port >> 8);
      header += static_cast<char>(port);
      return header + std::string("\0\x50", 2);
    }
    case 'l':
      return signature + std::string("\x20\0\0\0", 4);
    case 'u':
      return "PROXY UNKNOWN\r\n";
    case 'b':
      return "PROXY TCP4 10.0.0.300 10.0.0.1" + ports;
    case 'g':
      return sent_request('g', '0', 0);
    default:
      return "PROXY TCP4 10.0.0." + std::to_string(address) + " 10.0.0.1" + ports;
  }
}

}  // namespace uwsgiref::test
