#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/oracle.h"
#include "http/char_class.h"
#include "http/field_list.h"
#include "http/request_framing.h"
#include "native/http/parsed_head.h"

/// Judges RequestParser and frame_request(). The input's first bytes choose limits and cuts (see fuzz/oracle.h).

using namespace uwsgiref;
using http::RequestParser;
using test::ParsedHead;
using Status = RequestParser::Status;

namespace {

/// The head once more, from nothing but what the parser says of it.
std::string serialise(const ParsedHead& head) {
  std::string text = head.method + " " + head.target + " HTTP/1." + std::to_string(head.minor_version) + "\r\n";
  for (const auto& line : head.fields) text += line.name + ": " + line.value + "\r\n";
  return text + "\r\n";
}

void expect_well_formed(const ParsedHead& head) {
  EXPECT(http::is_token(head.method) && head.method.size() <= 32);
  EXPECT(!head.target.empty());
  for (const char c : head.target) EXPECT(c > 0x20 && c < 0x7f && c != '#');
  switch (head.form) {
    case http::TargetForm::kOrigin:
      EXPECT(head.path.starts_with('/') && head.authority.empty());
      break;
    case http::TargetForm::kAbsolute:
      EXPECT(!head.authority.empty() && head.authority.find('@') == std::string::npos);
      EXPECT(head.path.empty() || head.path.starts_with('/'));
      break;
    case http::TargetForm::kAuthority:
      EXPECT(head.method == "CONNECT" && head.authority == head.target);
      break;
    case http::TargetForm::kAsterisk:
      EXPECT(head.method == "OPTIONS" && head.target == "*");
      break;
  }
  EXPECT(head.path.find('?') == std::string::npos);
  if (head.form != http::TargetForm::kAsterisk) {
    const size_t before_path = head.target.size() - head.path.size() -
                               (head.target.find('?') == std::string::npos ? 0 : head.query.size() + 1);
    EXPECT(head.form == http::TargetForm::kAuthority || head.target.substr(before_path, head.path.size()) == head.path);
    EXPECT(head.target.ends_with(head.query) || head.query.empty());
  }
  for (const auto& line : head.fields) {
    EXPECT(http::is_token(line.name));
    EXPECT(http::all_in(http::kValueChar, line.value));
    EXPECT(line.value == http::trim_white_space(line.value));
    EXPECT(line.id == http::find_field_name(line.name));
  }
}

void expect_sound_framing(const ParsedHead& parsed, std::string_view input) {
  std::array<http::Field, 128> fields;
  RequestParser parser({.max_head_size = 1 << 20, .max_target_length = 1 << 20, .max_fields = 128}, fields);
  EXPECT(parser.feed(input) == Status::kComplete);
  http::RequestFraming framing;
  if (http::frame_request(parser.request_line(), parser.fields(), input, framing) != http::RequestError::kNone) return;

  size_t hosts = 0, lengths = 0, encodings = 0;
  for (const auto& line : parsed.fields) {
    hosts += line.id == http::FieldName::kHost;
    lengths += line.id == http::FieldName::kContentLength;
    encodings += line.id == http::FieldName::kTransferEncoding;
  }
  EXPECT(hosts == 1 || (hosts == 0 && parsed.minor_version == 0));
  EXPECT(lengths == 0 || encodings == 0);
  EXPECT(encodings == 0 || parsed.minor_version == 1);
  using Body = http::RequestFraming::Body;
  EXPECT(framing.body == (encodings > 0 ? Body::kChunked : lengths > 0 ? Body::kLength : Body::kNone));
  EXPECT(!framing.expect_continue || (parsed.minor_version == 1 && framing.body != Body::kNone));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::FuzzInput choices(data, size);
  const uint8_t limit = choices.take_byte();
  http::HeadLimits limits;
  if (limit & 1) limits = {.max_head_size = limit * 2U, .max_target_length = limit / 4U, .max_fields = limit / 32U};
  const std::array<uint8_t, 4> seeds = choices.take_bytes<4>();
  const std::string_view input = choices.rest();

  const ParsedHead at_once = test::parse_head(input, test::whole(input.size()), limits);
  const test::Cuts chosen = test::cuts_from(seeds, input.size());
  EXPECT(test::parse_head(input, chosen, limits) == at_once);
  EXPECT(test::parse_head(input, test::byte_by_byte(input.size()), limits) == at_once);
  EXPECT(test::parse_head_resuming(input, chosen, limits) == at_once);
  EXPECT(at_once.position <= input.size());

  switch (at_once.status) {
    case Status::kNeedMore:
      EXPECT(input.size() <= limits.max_head_size);
      break;
    case Status::kError:
      EXPECT(at_once.error != http::RequestError::kNone);
      EXPECT(at_once.position < input.size());
      // The first bad byte is an error as soon as it has arrived, and nothing before it is.
      EXPECT(test::parse_head(input, {at_once.position}, limits).status == Status::kNeedMore);
      EXPECT(test::parse_head(input, {at_once.position + 1}, limits) == at_once);
      break;
    case Status::kComplete: {
      EXPECT(at_once.position <= limits.max_head_size && at_once.fields.size() <= limits.max_fields);
      expect_well_formed(at_once);
      const std::string again = serialise(at_once);
      ParsedHead parsed_again =
          test::parse_head(again, test::whole(again.size()), {.max_head_size = 1 << 20, .max_target_length = 1 << 20});
      EXPECT(parsed_again.position == again.size());
      EXPECT(serialise(parsed_again) == again);
      // All but the places must be the same.
      parsed_again.position = at_once.position;
      parsed_again.offsets = at_once.offsets;
      EXPECT(parsed_again == at_once);
      expect_sound_framing(at_once, again);
      break;
    }
  }
  return 0;
}
