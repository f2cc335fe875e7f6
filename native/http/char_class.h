#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace uwsgiref::http {

/// The byte classes of the HTTP and URI grammars, one bit each.
///
///   token       = 1*tchar                                                       RFC 9110 §5.6.2
///   tchar       = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." /
///                 "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA
///   reg-name    = *( unreserved / pct-encoded / sub-delims )                    RFC 3986 §3.2.2
///   unreserved  = ALPHA / DIGIT / "-" / "." / "_" / "~"
///   sub-delims  = "!" / "$" / "&" / "'" / "(" / ")" / "*" / "+" / "," / ";" / "="
///   authority   = host [ ":" port ]           here without userinfo, so without "@"
///   qdtext      = HTAB / SP / %x21 / %x23-5B / %x5D-7E / obs-text               RFC 9110 §5.6.4
///   field-value = field content of HTAB / SP / VCHAR / obs-text                 RFC 9110 §5.5
enum CharClass : uint8_t {
  kTokenChar = 1,
  kRegNameChar = 2,    ///< without "%", which two hex digits must follow
  kAuthorityChar = 4,  ///< reg-name, "%", and the ":" "[" "]" of ports and IPv6 literals
  kQuotedChar = 8,     ///< qdtext
  kValueChar = 16,
  kHexDigitChar = 32,
  kDigitChar = 64,
};

namespace detail {

constexpr std::array<uint8_t, 256> make_char_classes() noexcept {
  constexpr std::string_view tchar_marks = "!#$%&'*+-.^_`|~";
  constexpr std::string_view reg_name_marks = "-._~!$&'()*+,;=";
  constexpr std::string_view authority_marks = "%:[]";
  std::array<uint8_t, 256> classes{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool digit = c >= '0' && c <= '9';
    const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool hex = digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    const bool reg_name = digit || alpha || reg_name_marks.find(c) != std::string_view::npos;
    const bool value = (byte >= 0x20 && byte != 0x7f) || c == '\t';
    unsigned bits = 0;
    if (digit || alpha || tchar_marks.find(c) != std::string_view::npos) bits |= kTokenChar;
    if (reg_name) bits |= kRegNameChar;
    if (reg_name || authority_marks.find(c) != std::string_view::npos) bits |= kAuthorityChar;
    if (value && c != '"' && c != '\\') bits |= kQuotedChar;
    if (value) bits |= kValueChar;
    if (hex) bits |= kHexDigitChar;
    if (digit) bits |= kDigitChar;
    classes[byte] = static_cast<uint8_t>(bits);
  }
  return classes;
}

inline constexpr std::array<uint8_t, 256> kCharClasses = make_char_classes();

}  // namespace detail

constexpr bool is_in(CharClass which, char c) noexcept {
  return (detail::kCharClasses[static_cast<uint8_t>(c)] & which) != 0;
}

/// Whether all of `text` is of one class; true of the empty text.
constexpr bool all_in(CharClass which, std::string_view text) noexcept {
  for (const char c : text) {
    if (!is_in(which, c)) return false;
  }
  return true;
}

/// token: at least one tchar.
constexpr bool is_token(std::string_view text) noexcept { return !text.empty() && all_in(kTokenChar, text); }

/// OWS = *( SP / HTAB ), RFC 9110 §5.6.3.
constexpr bool is_white_space(char c) noexcept { return c == ' ' || c == '\t'; }

constexpr char to_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

constexpr bool equals_ignoring_case(std::string_view left, std::string_view right) noexcept {
  if (left.size() != right.size()) return false;
  for (size_t i = 0; i < left.size(); ++i) {
    if (to_lower(left[i]) != to_lower(right[i])) return false;
  }
  return true;
}

/// The value of a hex digit; -1 of any other byte.
constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace uwsgiref::http
