#include "http/body_decoder.h"

#include <algorithm>

#include "http/char_class.h"

namespace uwsgiref::http {
namespace {

/// As many as a 64-bit size can have; leading zeros count, so that a size line cannot go on for ever.
constexpr uint32_t kMaxSizeDigits = 16;

}  // namespace

BodyDecoder BodyDecoder::with_length(uint64_t length, uint64_t max_size) noexcept {
  if (length > max_size) return {State::kTooLarge, false, 0, 0};
  return {length > 0 ? State::kContent : State::kEnd, false, length, 0};
}

BodyDecoder BodyDecoder::chunked(uint64_t max_size) noexcept { return {State::kSize, true, 0, max_size}; }

BodyDecoder::Step BodyDecoder::decode(std::string_view input) noexcept {
  Step step;
  for (;;) {
    if (state_ == State::kEnd) {
      step.status = Status::kDone;
      return step;
    }
    if (state_ == State::kTooLarge) step.error = RequestError::kBodyTooLarge;
    if (step.error != RequestError::kNone) {
      step.status = Status::kError;
      return step;
    }
    if (step.consumed == input.size()) return step;
    if (state_ == State::kContent) {
      step.content = input.substr(step.consumed, std::min<uint64_t>(left_, input.size()));
      step.consumed += step.content.size();
      step.status = Status::kContent;
      left_ -= step.content.size();
      if (left_ == 0) state_ = chunked_ ? State::kContentEnd : State::kEnd;
      return step;
    }
    step.error = take(input[step.consumed]);
    if (step.error == RequestError::kNone) ++step.consumed;
  }
}

/// Takes one byte of framing.
RequestError BodyDecoder::take(char c) noexcept {
  switch (state_) {
    case State::kSize:
      return take_size(c);
    case State::kSizeLineFeed:
      return c == '\n' ? end_size_line() : RequestError::kBadChunkSize;
    case State::kContentEnd:
      return go_if(c == '\r', State::kContentLineFeed, RequestError::kBadChunkEnd);
    case State::kContentLineFeed:
      return go_if(c == '\n', State::kSize, RequestError::kBadChunkEnd);
    case State::kTrailerLine:
    case State::kTrailerName:
    case State::kTrailerValue:
    case State::kTrailerLineFeed:
    case State::kLastLineFeed:
      return take_trailer(c);
    default:
      return take_extension(c);
  }
}

RequestError BodyDecoder::go_if(bool expected, State next, RequestError otherwise) noexcept {
  if (!expected) return otherwise;
  state_ = next;
  return RequestError::kNone;
}

// chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF; chunk-size = 1*HEXDIG (RFC 9112 §7.1)
RequestError BodyDecoder::take_size(char c) noexcept {
  const int digit = hex_value(c);
  if (digit < 0) return line_size_ > 0 ? take_extension(c) : RequestError::kBadChunkSize;
  if (++line_size_ > kMaxSizeDigits) return RequestError::kBadChunkSize;
  left_ = left_ << 4 | static_cast<uint64_t>(digit);
  return left_ > allowed_ ? RequestError::kBodyTooLarge : RequestError::kNone;
}

RequestError BodyDecoder::end_size_line() noexcept {
  allowed_ -= left_;
  line_size_ = 0;
  state_ = left_ > 0 ? State::kContent : State::kTrailerLine;
  return RequestError::kNone;
}

// chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
// chunk-ext-name = token; chunk-ext-val = token / quoted-string (RFC 9112 §7.1.1)
RequestError BodyDecoder::take_extension(char c) noexcept {
  constexpr RequestError kBad = RequestError::kBadChunkSize;
  const bool white_space = is_white_space(c);
  const bool word = is_in(kTokenChar, c);
  if (c != '\r') {
    ++line_size_;
    ++extensions_size_;
    if (line_size_ > kMaxChunkLine || extensions_size_ > kMaxExtensions) return RequestError::kChunkExtensionTooLong;
  }
  switch (state_) {
    case State::kExtension:
      return white_space ? RequestError::kNone : go_if(word, State::kExtensionName, kBad);
    case State::kValue:
      if (white_space) return RequestError::kNone;
      return c == '"' ? go_if(true, State::kQuoted, kBad) : go_if(word, State::kTokenValue, kBad);
    case State::kQuoted:
      if (c == '"') return go_if(true, State::kQuotedEnd, kBad);
      if (c == '\\') return go_if(true, State::kQuotedPair, kBad);
      return is_in(kQuotedChar, c) ? RequestError::kNone : kBad;
    case State::kQuotedPair:
      return go_if(is_in(kValueChar, c), State::kQuoted, kBad);
    default:
      break;
  }

  // Behind the size, a name or a value.
  const bool in_word = state_ == State::kExtensionName || state_ == State::kTokenValue;
  const bool named = state_ == State::kExtensionName || state_ == State::kAfterName;
  const bool may_end = state_ != State::kAfterName && state_ != State::kAfterValue;
  if (word && in_word) return RequestError::kNone;
  if (white_space) return go_if(true, named ? State::kAfterName : State::kAfterValue, kBad);
  if (c == ';') return go_if(true, State::kExtension, kBad);
  if (c == '=') return go_if(named, State::kValue, kBad);
  return go_if(c == '\r' && may_end, State::kSizeLineFeed, kBad);
}

// trailer-section = *( field-line CRLF ) (RFC 9112 §7.1.2), and the CRLF that ends the body
RequestError BodyDecoder::take_trailer(char c) noexcept {
  constexpr RequestError kBad = RequestError::kBadTrailer;
  if (++trailer_size_ > kMaxTrailerSection) return RequestError::kTrailerTooLarge;
  switch (state_) {
    case State::kTrailerLine:
      return c == '\r' ? go_if(true, State::kLastLineFeed, kBad)
                       : go_if(is_in(kTokenChar, c), State::kTrailerName, kBad);
    case State::kTrailerName:
      return c == ':' ? go_if(true, State::kTrailerValue, kBad) : go_if(is_in(kTokenChar, c), state_, kBad);
    case State::kTrailerValue:
      return c == '\r' ? go_if(true, State::kTrailerLineFeed, kBad) : go_if(is_in(kValueChar, c), state_, kBad);
    case State::kTrailerLineFeed:
      return go_if(c == '\n', State::kTrailerLine, kBad);
    default:
      return go_if(c == '\n', State::kEnd, kBad);
  }
}

}  // namespace uwsgiref::http
