#include "http/byte_scan.h"

#include <doctest/doctest.h>

#include <string>

#include "native/split_feed.h"

namespace uwsgiref::test {
namespace {

namespace scan = http::scan;

/// The rules, written out once more in words of their own.
bool ends_value(int byte) { return byte == 0x7f || (byte <= 0x1f && byte != '\t'); }
bool ends_path(int byte) { return byte <= ' ' || byte >= 0x7f || byte == '#' || byte == '?'; }
bool is_colon(int byte) { return byte == 0x3a; }

/// Sets each byte in turn at each place of each length up to 64, at each alignment and against an unreadable page.
template <class Variant, class Rule>
void check_variant(Rule rule, bool (*expected)(int)) {
  constexpr char kPlain = 'a';
  constexpr size_t kLongest = 64;
  int wrong = 0;
  GuardedMemory memory(2 * kLongest);
  for (size_t length = 0; length <= kLongest; ++length) {
    for (size_t place = 0; place <= length; ++place) {
      // At the place of the hit every byte; elsewhere bytes that end nothing.
      for (int byte = 0; byte < 256; byte += place == 0 || place + 1 == length || place == 16 ? 1 : 7) {
        std::string text(length, kPlain);
        if (place < length) text[place] = static_cast<char>(byte);
        if (place + 1 < length) text[length - 1] = '\x01';
        const std::string_view bytes = memory.place(text);
        const char* const found = Variant::find(bytes.data(), bytes.data() + length, rule);
        const char* const scalar = scan::Scalar::find(bytes.data(), bytes.data() + length, rule);
        size_t first = place < length && expected(byte) ? place : length;
        if (first == length && place + 1 < length && expected(1)) first = length - 1;
        if (found == bytes.data() + first && scalar == found) continue;
        FAIL_CHECK("length " << length << " place " << place << " byte " << byte);
        ++wrong;
      }
    }
  }
  // Alignments: the guard page fixes the end, so here the beginning moves.
  for (size_t offset = 0; offset < 16; ++offset) {
    for (size_t length = 0; length <= kLongest; ++length) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(offset + length + 1, kPlain);
        text[offset + length] = static_cast<char>(byte);
        const std::string_view bytes = memory.place(text + std::string(16 - offset, '\n'));
        const char* const begin = bytes.data() + offset;
        const char* const end = begin + length + 1;
        const size_t first = expected(byte) ? length : length + 1;
        if (Variant::find(begin, end, rule) == begin + first) continue;
        FAIL_CHECK("offset " << offset << " length " << length << " byte " << byte);
        ++wrong;
      }
    }
  }
  CHECK(wrong == 0);
}

template <class Variant>
void check_every_rule() {
  check_variant<Variant>(scan::EndsValue{}, ends_value);
  check_variant<Variant>(scan::EndsPath{}, ends_path);
  check_variant<Variant>(scan::IsColon{}, is_colon);
}

TEST_CASE("byte by byte") { check_every_rule<scan::Scalar>(); }

#if defined(__SSE2__)
TEST_CASE("sixteen at a time with SSE2") { check_every_rule<scan::Sse2>(); }
#elif defined(__ARM_NEON) && defined(__aarch64__)
TEST_CASE("sixteen at a time with NEON") { check_every_rule<scan::Neon>(); }
#endif

}  // namespace
}  // namespace uwsgiref::test
