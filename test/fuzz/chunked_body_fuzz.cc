#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "fuzz/oracle.h"
#include "http/char_class.h"
#include "native/http/decoded_body.h"

/// Judges BodyDecoder. The input's first bytes choose the framing, the bound and the cuts (see fuzz/oracle.h).

using namespace uwsgiref;
using http::BodyDecoder;
using http::RequestError;
using test::DecodedBody;
using Status = BodyDecoder::Status;

namespace {

/// Takes the run of bytes of `which` off the front of `text`.
std::string_view take_while(bool (*which)(char), std::string_view& text) {
  size_t size = 0;
  while (size < text.size() && which(text[size])) ++size;
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(size);
  return taken;
}

/// *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ), rule by rule where the decoder goes byte by byte.
bool are_extensions(std::string_view text) {
  const auto word = [](char c) { return http::is_in(http::kTokenChar, c); };
  while (!text.empty()) {
    take_while(http::is_white_space, text);
    if (!text.starts_with(';')) return false;
    text.remove_prefix(1);
    take_while(http::is_white_space, text);
    if (take_while(word, text).empty()) return false;
    std::string_view behind = text;
    take_while(http::is_white_space, behind);
    if (!behind.starts_with('=')) continue;
    text = behind.substr(1);
    take_while(http::is_white_space, text);
    if (!text.starts_with('"')) {
      if (take_while(word, text).empty()) return false;
      continue;
    }
    size_t end = 1;
    while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
    if (end >= text.size()) return false;
    text.remove_prefix(end + 1);
  }
  return true;
}

/// A second opinion on an accepted body, which looks at it whole: skips each size line, takes the content, demands the
/// CRLF, and finds the end of the trailers.
std::string read_chunks(std::string_view body) {
  std::string content;
  for (;;) {
    size_t size = 0, digits = 0;
    while (digits < body.size() && http::hex_value(body[digits]) >= 0) {
      size = size * 16 + static_cast<size_t>(http::hex_value(body[digits++]));
    }
    EXPECT(digits >= 1 && digits <= 16);
    const size_t line = body.find("\r\n");
    EXPECT(line != std::string_view::npos && http::all_in(http::kValueChar, body.substr(0, line)));
    EXPECT(are_extensions(body.substr(digits, line - digits)));
    body.remove_prefix(line + 2);
    if (size == 0) break;
    EXPECT(body.size() >= size + 2 && body.substr(size, 2) == "\r\n");
    content += body.substr(0, size);
    body.remove_prefix(size + 2);
  }
  EXPECT(body.size() <= BodyDecoder::kMaxTrailerSection);
  while (body != "\r\n") {
    const size_t line = body.find("\r\n");
    EXPECT(line != std::string_view::npos && http::all_in(http::kValueChar, body.substr(0, line)));
    EXPECT(http::is_token(body.substr(0, body.find(':'))));
    body.remove_prefix(line + 2);
  }
  return content;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::FuzzInput choices(data, size);
  const uint8_t kind = choices.take_byte();
  const std::array<uint8_t, 4> seeds = choices.take_bytes<4>();
  const std::string_view input = choices.rest();

  const bool chunked = kind != 'l';
  const uint64_t bound = kind == 'b' ? 16 : std::numeric_limits<uint64_t>::max();
  const uint64_t length = seeds[3];
  const BodyDecoder decoder = chunked ? BodyDecoder::chunked(bound) : BodyDecoder::with_length(length, 200);

  const DecodedBody at_once = test::decode_body(decoder, input, test::whole(input.size()));
  EXPECT(test::decode_body(decoder, input, test::cuts_from(seeds, input.size())) == at_once);
  EXPECT(test::decode_body(decoder, input, test::byte_by_byte(input.size())) == at_once);
  EXPECT(at_once.consumed <= input.size());
  EXPECT(at_once.content.size() <= bound);

  const std::string_view consumed = input.substr(0, at_once.consumed);
  switch (at_once.status) {
    case Status::kDone:
      EXPECT(at_once.content == (chunked ? read_chunks(consumed) : consumed));
      EXPECT(chunked || consumed.size() == length);
      break;
    case Status::kError:
      EXPECT(at_once.error != RequestError::kNone);
      EXPECT(chunked ? at_once.consumed < input.size() : length > 200 && at_once.consumed == 0);
      if (chunked) {
        EXPECT(test::decode_body(decoder, consumed, test::whole(consumed.size())).status == Status::kNeedMore);
      }
      break;
    case Status::kNeedMore:
      EXPECT(at_once.consumed == input.size());
      EXPECT(chunked || (at_once.content == input && input.size() < length));
      break;
    case Status::kContent:
      EXPECT(false);
  }
  return 0;
}
