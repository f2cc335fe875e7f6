#include "addon/listeners.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "addon/call_arguments.h"
#include "addon/engine.h"
#include "addon/request_record.h"
#include "addon/sockets.h"
#include "http/host_port.h"
#include "http/ip_address.h"
#include "net/address_block.h"
#include "net/listener.h"
#include "net/listening_socket.h"
#include "net/peer_address.h"
#include "net/tls.h"

namespace uwsgiref::addon {
namespace {

void read_certificate(const OptionsReader& options, net::CertificateFiles& files) {
  options.read("key", files.key);
  options.read("cert", files.certificate);
  options.read("passphrase", files.passphrase);
  options.read("ciphers", files.ciphers);
}

net::TlsFiles read_tls_files(const OptionsReader& options) {
  net::TlsFiles files;
  read_certificate(options, files.own);
  options.read("ca", files.authority);
  for (const OptionsReader& name : options.objects("names")) {
    auto& [pattern, certificate] = files.names.emplace_back();
    name.read("name", pattern);
    read_certificate(name, certificate);
  }
  return files;
}

napi_value throw_refused_certificate(napi_env env, const std::string& path) {
  std::string message = "the engine's TLS library cannot use the certificate " + path + " with its key";
  napi_throw_error(env, "ERR_TLS", message.c_str());
  return nullptr;
}

napi_value throw_bad_trusted_proxy(napi_env env, const std::string& text) {
  const std::string message =
      "trustedProxies must hold addresses ('192.0.2.1'), blocks without a bit beyond their prefix ('10.0.0.0/8') and "
      "'unix:', got '" +
      text + "'";
  napi_throw_range_error(env, nullptr, message.c_str());
  return nullptr;
}

/// listen(options) → { listener, address }. Throws an error whose `code` is that of the failed system call, and a
/// RangeError where `trustedProxies` holds what names no address.
napi_value listen(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  JavascriptGateway& gateway = *arguments.data<Engine>().gateway;
  OptionsReader options(env, arguments[0]);

  net::Settings settings;
  options.read("maxHeadSize", settings.head.max_head_size);
  options.read("maxTargetLength", settings.head.max_target_length);
  options.read("maxFields", settings.head.max_fields);
  options.read("maxBodySize", settings.max_body_size);
  options.read("maxConnections", settings.max_connections);
  options.read("maxConnectionsPerAddress", settings.max_connections_per_address);
  options.read("maxRequestsPerConnection", settings.max_requests_per_connection);
  options.read("maxPipelined", settings.max_pipelined);
  options.read("maxQueuedBytes", settings.max_queued_bytes);
  options.read("smallFileSize", settings.small_file_size);
  options.read("headersTimeout", settings.headers_timeout);
  options.read("requestTimeout", settings.request_timeout);
  options.read("bodyTimeout", settings.body_timeout);
  options.read("sendTimeout", settings.send_timeout);
  options.read("keepAliveTimeout", settings.keep_alive_timeout);
  options.read("minUploadRate", settings.min_upload_rate);
  options.read("minDownloadRate", settings.min_download_rate);
  options.read("rate", settings.rate);
  options.read("reportRefusals", settings.report_refusals);
  options.read("reportAnswers", settings.report_answers);
  options.read("serverHeader", settings.server);
  options.read("proxyProtocol", settings.proxy_protocol);
  settings.head.max_fields = std::min<uint32_t>(settings.head.max_fields, record::kMaxFields);

  std::vector<std::string> trusted_proxies;
  options.read("trustedProxies", trusted_proxies);
  for (const std::string& text : trusted_proxies) {
    const auto block = net::AddressBlock::parse(text);
    if (!block) return throw_bad_trusted_proxy(env, text);
    settings.trusted_proxies.push_back(*block);
  }

  std::optional<net::TlsFiles> tls;
  if (auto tls_options = options.object("tls")) {
    tls = read_tls_files(*tls_options);
    uint32_t client_certificate = 0;
    tls_options->read("clientCertificate", client_certificate);
    settings.client_certificate = static_cast<net::ClientCertificate>(client_certificate);
  }
  std::string refused;
  auto listener = net::Listener::create(gateway.loop(), std::move(settings), tls ? &*tls : nullptr, refused);
  if (!listener) return throw_refused_certificate(env, refused);

  net::ListeningSocket socket;
  int error_number = open_socket(options, socket);
  if (error_number != 0) return throw_system_error(env, error_number);
  napi_value address = address_of(env, socket);
  error_number = listener->listen(std::move(socket));
  if (error_number != 0) return throw_system_error(env, error_number);

  napi_value result = nullptr;
  napi_create_object(env, &result);
  set(env, result, "address", address);
  set(env, result, "listener", small_number(env, static_cast<int32_t>(gateway.add_listener(std::move(listener)))));
  return result;
}

/// replaceCertificates(listener, tls): for the connections from now on. Throws where one cannot be used.
napi_value replace_certificates(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  auto* listener = arguments.data<Engine>().gateway->find_listener(arguments.number(0));
  std::string refused;
  if (listener && !listener->replace_certificates(read_tls_files({env, arguments[1]}), refused)) {
    return throw_refused_certificate(env, refused);
  }
  return nullptr;
}

/// knowsCiphers(list) → whether the engine's TLS library knows any of them.
napi_value knows_ciphers(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  return boolean(env, net::knows_ciphers(arguments.data<Engine>().gateway->loop(), arguments.text(0)));
}

/// drain(listener, idle, takeWaiting): stops accepting; the drained callback says when the last connection is closed.
napi_value drain(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  if (auto* listener = arguments.data<Engine>().gateway->find_listener(arguments.number(0))) {
    listener->drain({.idle = arguments.number(1), .take_waiting = arguments.number(2) != 0});
  }
  return nullptr;
}

/// closeConnections(listener): ends what has not ended by itself.
napi_value close_connections(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  if (auto* listener = arguments.data<Engine>().gateway->find_listener(arguments.number(0))) {
    listener->close_connections();
  }
  return nullptr;
}

/// stats(listener) → the loop's counters and the listener's open connections.
napi_value stats(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  JavascriptGateway& gateway = *arguments.data<Engine>().gateway;
  const net::Listener* listener = gateway.find_listener(arguments.number(0));
  const net::Counters& counters = gateway.loop().counters();
  napi_value result = nullptr;
  napi_create_object(env, &result);
  set(env, result, "openConnections", number(env, listener ? listener->connection_count() : 0));
  set(env, result, "connections", number(env, static_cast<double>(counters.connections)));
  set(env, result, "dropped", number(env, static_cast<double>(counters.dropped)));
  set(env, result, "requests", number(env, static_cast<double>(counters.requests)));
  set(env, result, "refused", number(env, static_cast<double>(counters.refused)));
  set(env, result, "sendfileBytes", number(env, static_cast<double>(counters.sendfile_bytes)));
  set(env, result, "coldReads", number(env, static_cast<double>(counters.cold_reads)));
  return result;
}

/// waits(listener) → how many of its connections wait for what, by net::Wait.
napi_value waits(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::Listener* listener = arguments.data<Engine>().gateway->find_listener(arguments.number(0));
  if (!listener) return nullptr;
  napi_value result = nullptr;
  napi_create_array_with_length(env, net::kWaits, &result);
  uint32_t index = 0;
  for (uint32_t count : listener->count_waits()) napi_set_element(env, result, index++, number(env, count));
  return result;
}

/// joinScoreboard(fd, place): of the engine; before it listens. The descriptor is closed. Throws an error whose `code`
/// is that of the failed system call.
napi_value join_scoreboard(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::EventLoop& loop = arguments.data<Engine>().gateway->loop();
  int error_number = loop.scoreboard().join(static_cast<int>(arguments.number(0)), arguments.number(1));
  return error_number == 0 ? nullptr : throw_system_error(env, error_number);
}

// --- Addresses -------------------------------------------------------------------------------------------------------

/// Reads a text of the request at `index`; holds until the next one is read.
std::string_view read_text(const CallArguments& arguments, size_t index) noexcept {
  http::ByteBuffer& text = arguments.data<Engine>().text;
  text.clear();
  arguments.latin1(index, text);
  return text.view();
}

/// trusts(listener, text) → 1: the text is the address of a trusted proxy; 0: of somebody else; -1: it is no address.
napi_value trusts(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  const net::Listener* listener = arguments.data<Engine>().gateway->find_listener(arguments.number(0));
  const auto address = http::parse_ip_address(read_text(arguments, 1));
  if (!address) return small_number(env, -1);
  bool trusted = listener && listener->settings().trusts(net::PeerAddress(*address, 0));
  return small_number(env, trusted);
}

/// addressText(text) → the address as the environ has it; empty where the text is none.
napi_value address_text(napi_env env, napi_callback_info info) {
  const auto address = http::parse_ip_address(read_text(CallArguments(env, info), 0));
  char text[net::PeerAddress::kMaxText];
  return latin1(env, {text, address ? net::PeerAddress(*address, 0).write_text(text) : 0});
}

/// isHost(text): whether a Host field could have that value.
napi_value is_host(napi_env env, napi_callback_info info) {
  return boolean(env, http::split_host_port(read_text(CallArguments(env, info), 0)).has_value());
}

constexpr std::array kFunctions = std::to_array<Function>({
    {"listen", listen},
    {"replaceCertificates", replace_certificates},
    {"knowsCiphers", knows_ciphers},
    {"drain", drain},
    {"closeConnections", close_connections},
    {"stats", stats},
    {"waits", waits},
    {"joinScoreboard", join_scoreboard},
    {"trusts", trusts},
    {"addressText", address_text},
    {"isHost", is_host},
});

}  // namespace

std::span<const Function> listener_functions() noexcept { return kFunctions; }

}  // namespace uwsgiref::addon
