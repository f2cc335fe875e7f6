#include "http/percent_decode.h"

#include <algorithm>
#include <cstring>

#include "http/char_class.h"

namespace uwsgiref::http {

size_t percent_decode(std::string_view text, char* out) noexcept {
  char* to = out;
  while (!text.empty()) {
    const size_t plain = std::min(text.find('%'), text.size());
    if (plain > 0) {
      std::memmove(to, text.data(), plain);  // the caller may decode in place
      to += plain;
      text.remove_prefix(plain);
      continue;
    }
    const int high = text.size() > 2 ? hex_value(text[1]) : -1;
    const int low = text.size() > 2 ? hex_value(text[2]) : -1;
    const bool encoded = high >= 0 && low >= 0;
    *to++ = encoded ? static_cast<char>(high << 4 | low) : '%';
    text.remove_prefix(encoded ? 3 : 1);
  }
  return static_cast<size_t>(to - out);
}

}  // namespace uwsgiref::http
