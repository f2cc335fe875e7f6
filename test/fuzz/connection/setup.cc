#include "fuzz/connection/setup.h"

namespace uwsgiref::test {

namespace {

net::Settings settings_from(const std::array<uint8_t, 10>& characters) {
  net::Settings settings;
  settings.max_pipelined = choose(std::array<uint32_t, 4>{16, 1, 2, 3}, characters[0]);
  settings.max_queued_bytes = choose(std::array<uint32_t, 4>{1024, 4096, 20'000, 65'536}, characters[1]);
  settings.max_body_size = choose(std::array<uint64_t, 4>{1 << 20, 10, 1000, 100'000}, characters[2]);
  const uint8_t times = (characters[3] - '0') % 3;  // short, none, usual
  if (times < 2) {
    const uint32_t unit = times == 0 ? 1 : 0;
    settings.headers_timeout = unit * 1000;
    settings.request_timeout = unit * 2000;
    settings.body_timeout = unit * 700;
    settings.send_timeout = unit * 900;
    settings.keep_alive_timeout = unit * 1500;
    settings.min_upload_rate = settings.min_download_rate = unit * 1000;
  }
  settings.max_requests_per_connection = choose(std::array<uint32_t, 4>{0, 1, 2, 3}, characters[4]);
  settings.report_refusals = (characters[5] & 1) != 0;
  settings.report_answers = (characters[5] & 2) != 0;
  settings.server = (characters[5] & 2) != 0 ? "fuzz" : "";
  if ((characters[6] & 1) != 0) {
    settings.head = {.max_head_size = 256, .max_target_length = 64, .max_fields = 4};
  }
  settings.small_file_size = choose(std::array<uint32_t, 4>{65'536, 1000, 0, 100}, characters[6] / 2);
  settings.max_connections = choose(std::array<uint32_t, 3>{50'000, 2, 1}, characters[7]);
  settings.max_connections_per_address = choose(std::array<uint32_t, 2>{0, 1}, characters[7]);
  using net::ClientCertificate;
  constexpr ClientCertificate kNot = ClientCertificate::kNotAsked;
  settings.client_certificate = choose(
      std::array{kNot, kNot, ClientCertificate::kOptional, ClientCertificate::kRequired, kNot, kNot}, characters[9]);
  settings.proxy_protocol = choose(std::array{false, false, false, false, true, true}, characters[9]);
  // Up to 63: all digits, and no letter.
  if (settings.proxy_protocol) settings.trusted_proxies.push_back(*net::AddressBlock::parse("10.0.0.0/26"));
  return settings;
}

}  // namespace

Setup take_setup(FuzzInput& input) {
  const std::array<uint8_t, 10> characters = input.take_bytes<10>();
  Setup setup;
  setup.settings = settings_from(characters);
  setup.secure = choose(std::array{false, true, true, true, false, true}, characters[9]);
  setup.inherited = (characters[5] & 4) != 0;
  setup.ending = choose(
      std::array{Ending::kClients, Ending::kTime, Ending::kDrain, Ending::kClose, Ending::kDestruction}, characters[8]);
  return setup;
}

}  // namespace uwsgiref::test
