// What JavaScript can call. src/server/native-addon.ts describes each function to TypeScript.

#define NAPI_VERSION 8
#include <node_api.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>

#include "addon/call_arguments.h"
#include "addon/held_files.h"
#include "addon/javascript_gateway.h"
#include "addon/open_beneath.h"
#include "http/field_names.h"
#include "http/host_port.h"
#include "http/ip_address.h"
#include "net/address_block.h"
#include "net/connection.h"
#include "net/datagram.h"
#include "net/exchange.h"
#include "net/heap.h"
#include "net/listening_socket.h"
#include "net/scoreboard.h"
#include "net/usockets.h"

namespace uwsgiref::addon {
namespace {

// What an answering call says when it could not do as told. Beyond kRefused the number tells the offending field:
// kRefused - (error + kErrorKinds * field).
constexpr int32_t kGone = -1;
constexpr int32_t kNotAFile = -2;
constexpr int32_t kWrongState = -3;
constexpr int32_t kRefused = -16;
constexpr int32_t kErrorKinds = 16;

/// One Node environment's engine.
struct Engine {
  std::unique_ptr<JavascriptGateway> gateway;
  http::ByteBuffer text;
  StoredHead head;
};

napi_value number(napi_env env, double value) noexcept {
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

napi_value small_number(napi_env env, int32_t value) noexcept {
  napi_value result = nullptr;
  napi_create_int32(env, value, &result);
  return result;
}

napi_value boolean(napi_env env, bool value) noexcept {
  napi_value result = nullptr;
  napi_get_boolean(env, value, &result);
  return result;
}

napi_value latin1(napi_env env, std::string_view text) noexcept {
  napi_value result = nullptr;
  napi_create_string_latin1(env, text.data(), text.size(), &result);
  return result;
}

int32_t refusal(const http::ResponseResult& result) noexcept {
  return kRefused - (static_cast<int32_t>(result.error) + kErrorKinds * static_cast<int32_t>(result.field));
}

void set(napi_env env, napi_value object, const char* name, napi_value value) noexcept {
  napi_set_named_property(env, object, name, value);
}

// --- Answers ---------------------------------------------------------------------------------------------------------

net::Exchange* find_exchange(const CallArguments& arguments) noexcept {
  Engine& engine = arguments.data<Engine>();
  return engine.gateway->loop().exchanges().find({arguments.number(0), arguments.number(1)});
}

/// Reads the head and its count of fields, at `index` and behind it, into `head`.
bool read_head(const CallArguments& arguments, size_t index, StoredHead& head) noexcept {
  http::ByteBuffer& text = arguments.data<Engine>().text;
  text.clear();
  arguments.latin1(index, text);
  return head.assign(text.view(), arguments.number(index + 1));
}

constexpr http::ResponseResult kStrayLineFeed{http::ResponseError::kBadFieldValue, 0};

/// respond(slot, generation, head, fieldCount, body) → bytes of the body taken; all: the answer is finished.
napi_value respond(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::Exchange* exchange = find_exchange(arguments);
  if (!exchange) return small_number(env, kGone);
  if (exchange->started()) return small_number(env, kWrongState);
  StoredHead& head = arguments.data<Engine>().head;
  if (!read_head(arguments, 2, head)) return small_number(env, refusal(kStrayLineFeed));
  size_t taken = 0;
  http::ResponseResult result = exchange->respond(head.head(), arguments.bytes(4), taken);
  if (result.error != http::ResponseError::kNone) return small_number(env, refusal(result));
  return number(env, static_cast<double>(taken));
}

/// start(slot, generation, head, fieldCount, bodyLength) → 0, or 1: no body may follow. `bodyLength` -1: not known.
napi_value start(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::Exchange* exchange = find_exchange(arguments);
  if (!exchange) return small_number(env, kGone);
  if (exchange->started()) return small_number(env, kWrongState);
  StoredHead& stored = arguments.data<Engine>().head;
  if (!read_head(arguments, 2, stored)) return small_number(env, refusal(kStrayLineFeed));
  http::ResponseHead head = stored.head();
  if (int64_t length = arguments.integer(4); length >= 0) head.body_length = static_cast<uint64_t>(length);
  http::ResponseResult result = exchange->start(head);
  if (result.error != http::ResponseError::kNone) return small_number(env, refusal(result));
  return small_number(env, exchange->framing().body == http::ResponseFraming::Body::kNone ? 1 : 0);
}

/// write(slot, generation, bytes) → bytes taken.
napi_value write(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::Exchange* exchange = find_exchange(arguments);
  if (!exchange) return small_number(env, kGone);
  if (!exchange->streaming()) return small_number(env, exchange->aborted() ? kGone : kWrongState);
  return number(env, static_cast<double>(exchange->write(arguments.bytes(2))));
}

/// sendPart(slot, generation, fd, offset, length) → 1: it has left; 0: a callback says when. Of a regular file that has
/// this region, and within an answer that has a Content-Length.
napi_value send_part(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::Exchange* exchange = find_exchange(arguments);
  if (!exchange) return small_number(env, kGone);
  if (!exchange->streaming()) return small_number(env, exchange->aborted() ? kGone : kWrongState);
  if (exchange->framing().body != http::ResponseFraming::Body::kLength) return small_number(env, kWrongState);
  const net::FileRegion region{static_cast<int>(arguments.integer(2)), static_cast<uint64_t>(arguments.integer(3)),
                               static_cast<uint64_t>(arguments.integer(4))};
  return small_number(env, exchange->send_part(region) ? 1 : 0);
}

/// pace(slot, generation, bytesPerSecond)
napi_value pace(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  if (net::Exchange* exchange = find_exchange(arguments)) exchange->pace(arguments.number(2));
  return nullptr;
}

/// finish(slot, generation)
napi_value finish(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::Exchange* exchange = find_exchange(arguments);
  if (exchange && exchange->streaming()) exchange->finish();
  return nullptr;
}

/// abort(slot, generation)
napi_value abort(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  if (net::Exchange* exchange = find_exchange(arguments)) exchange->abort();
  return nullptr;
}

/// sendFile(slot, generation, head, fieldCount, fd, offset, length, verified) → 1: it has left; 0: a callback says
/// when. `offset` -1: the descriptor's own position; `length` -1: to the end of the file. `verified` not 0: the caller
/// knows that this is a regular file, and has both from its size.
napi_value send_file(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  net::Exchange* exchange = find_exchange(arguments);
  if (!exchange) return small_number(env, kGone);
  if (exchange->started()) return small_number(env, kWrongState);
  auto fd = static_cast<int>(arguments.integer(4));
  int64_t offset = arguments.integer(5);
  int64_t length = arguments.integer(6);

  if (bool verified = arguments.number(7) != 0; !verified) {
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return small_number(env, kNotAFile);
    if (offset < 0) offset = lseek(fd, 0, SEEK_CUR);
    if (offset < 0) return small_number(env, kNotAFile);
    int64_t available = std::max<int64_t>(0, status.st_size - offset);
    length = length < 0 ? available : std::min(length, available);
  }

  StoredHead& stored = arguments.data<Engine>().head;
  if (!read_head(arguments, 2, stored)) return small_number(env, refusal(kStrayLineFeed));
  http::ResponseHead head = stored.head();
  head.body_length = static_cast<uint64_t>(length);
  // Head and file leave together, so that both belong to one turn.
  net::Connection::Turn turn(exchange->connection());
  http::ResponseResult result = exchange->start(head);
  if (result.error != http::ResponseError::kNone) return small_number(env, refusal(result));
  bool left = exchange->send_file({fd, static_cast<uint64_t>(offset), static_cast<uint64_t>(length)});
  return small_number(env, left ? 1 : 0);
}

/// storeHead(number, head, fieldCount) → 0. Answers in the outbox may refer to it from now on.
napi_value store_head(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  StoredHead& stored = arguments.data<Engine>().gateway->stored_head(arguments.number(0));
  if (!read_head(arguments, 1, stored)) return small_number(env, refusal(kStrayLineFeed));
  http::ResponseResult result = stored.prepare();
  return small_number(env, result.error == http::ResponseError::kNone ? 0 : refusal(result));
}

/// giveAnswers(): looks into the outbox, where no call of the gateway is under way that will.
napi_value give_answers(napi_env env, napi_callback_info info) {
  CallArguments(env, info).data<Engine>().gateway->give_answers();
  return nullptr;
}

// --- Listeners -------------------------------------------------------------------------------------------------------

napi_value throw_system_error(napi_env env, int error_number) {
  // The code is the number; TypeScript knows the names.
  napi_throw_error(env, std::to_string(error_number).c_str(), std::strerror(error_number));
  return nullptr;
}

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

/// Opens the socket that the options tell of, or takes it over. Answers 0 or an errno.
int open_socket(const OptionsReader& options, net::ListeningSocket& socket) {
  uint32_t fd = UINT32_MAX;
  options.read("fd", fd);
  if (fd != UINT32_MAX) return socket.take_over(static_cast<int>(fd));
  net::ListenOptions how;
  uint32_t backlog = static_cast<uint32_t>(how.backlog);
  options.read("backlog", backlog);
  how.backlog = static_cast<int>(backlog);
  uint32_t mode = how.mode;
  options.read("mode", mode);
  how.mode = static_cast<mode_t>(mode);
  std::string path;
  options.read("path", path);
  if (!path.empty()) return socket.open_unix(path, how);
  std::string host;
  uint32_t port = 0;
  options.read("host", host);
  options.read("port", port);
  return socket.open_tcp(host, static_cast<uint16_t>(port), how);
}

/// { path } or { host, port }, where the socket is bound.
napi_value address_of(napi_env env, const net::ListeningSocket& socket) noexcept {
  napi_value result = nullptr;
  napi_create_object(env, &result);
  if (socket.is_unix()) {
    napi_value path = nullptr;
    napi_create_string_utf8(env, socket.path().data(), socket.path().size(), &path);
    set(env, result, "path", path);
    return result;
  }
  char host[net::PeerAddress::kMaxText];
  set(env, result, "host", latin1(env, {host, socket.address().write_text(host)}));
  set(env, result, "port", small_number(env, socket.address().port()));
  return result;
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

/// elapsed(slot, generation) → milliseconds since the request's head was there; -1: it is over.
napi_value elapsed(napi_env env, napi_callback_info info) {
  net::Exchange* exchange = find_exchange(CallArguments(env, info));
  return number(env, exchange ? static_cast<double>(exchange->elapsed()) / 1000 : -1);
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
  napi_value result = nullptr;
  napi_get_boolean(env, http::split_host_port(read_text(CallArguments(env, info), 0)).has_value(), &result);
  return result;
}

// --- Sockets that others accept at -----------------------------------------------------------------------------------

void destroy_socket(void* data) { delete static_cast<net::ListeningSocket*>(data); }

napi_value close_socket(napi_env env, napi_callback_info info) {
  CallArguments(env, info).data<net::ListeningSocket>().close();
  return nullptr;
}

napi_value abandon_socket(napi_env env, napi_callback_info info) {
  auto& socket = CallArguments(env, info).data<net::ListeningSocket>();
  socket.keep_file();
  socket.close();
  return nullptr;
}

/// bindSocket(options) → { fd, address, close(), abandon() }: a listening socket at which nobody accepts yet. It stays
/// open until it is closed, or the environment ends. Throws an error whose `code` is that of the failed system call.
napi_value bind_socket(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  auto socket = std::make_unique<net::ListeningSocket>();
  int error_number = open_socket({env, arguments[0]}, *socket);
  if (error_number != 0) return throw_system_error(env, error_number);
  napi_value result = nullptr;
  napi_create_object(env, &result);
  set(env, result, "fd", small_number(env, socket->fd()));
  set(env, result, "address", address_of(env, *socket));
  auto add = [&](const char* name, napi_callback call) {
    napi_value function = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, call, socket.get(), &function);
    set(env, result, name, function);
  };
  add("close", close_socket);
  add("abandon", abandon_socket);
  napi_add_env_cleanup_hook(env, destroy_socket, socket.release());
  return result;
}

// --- Processes that share sockets ------------------------------------------------------------------------------------

void destroy_scoreboard(void* data) { delete static_cast<net::Scoreboard*>(data); }

napi_value clear_place(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  arguments.data<net::Scoreboard>().clear(arguments.number(0));
  return nullptr;
}

/// createScoreboard() → { fd, places, clear(place) }: memory that others join by its descriptor, each at a place of its
/// own. Throws an error whose `code` is that of the failed system call.
napi_value create_scoreboard(napi_env env, napi_callback_info) {
  auto scoreboard = std::make_unique<net::Scoreboard>();
  int fd = -1;
  int error_number = scoreboard->create(fd);
  if (error_number != 0) return throw_system_error(env, error_number);
  napi_value result = nullptr;
  napi_create_object(env, &result);
  set(env, result, "fd", small_number(env, fd));
  set(env, result, "places", number(env, net::Scoreboard::kPlaces));
  napi_value clear = nullptr;
  napi_create_function(env, "clear", NAPI_AUTO_LENGTH, clear_place, scoreboard.get(), &clear);
  set(env, result, "clear", clear);
  napi_add_env_cleanup_hook(env, destroy_scoreboard, scoreboard.release());
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

// --- The service manager ---------------------------------------------------------------------------------------------

/// sendDatagram(path, text): to a Unix socket of systemd's kind; a path that begins with '@' is of Linux' abstract
/// namespace. Throws an error whose `code` is that of the failed system call.
napi_value send_datagram(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  int error_number = net::send_datagram(arguments.text(0), arguments.text(1));
  return error_number == 0 ? nullptr : throw_system_error(env, error_number);
}

// --- The module ------------------------------------------------------------------------------------------------------

napi_value cgi_keys(napi_env env) noexcept {
  napi_value keys = nullptr;
  napi_create_array_with_length(env, http::kFieldNameCount, &keys);
  for (size_t i = 0; i < http::kFieldNameCount; i++) {
    napi_set_element(env, keys, static_cast<uint32_t>(i), latin1(env, http::cgi_key(static_cast<http::FieldName>(i))));
  }
  return keys;
}

void destroy_engine(void* data) { delete static_cast<Engine*>(data); }

/// The byte offsets and sizes of what lies in the shared memory.
napi_value layout(napi_env env) noexcept {
  napi_value result = nullptr;
  napi_create_object(env, &result);
  set(env, result, "inCall", number(env, offsetof(SharedMemory, in_call)));
  set(env, result, "outboxUsed", number(env, offsetof(SharedMemory, outbox_used)));
  set(env, result, "record", number(env, offsetof(SharedMemory, record)));
  set(env, result, "recordPlaces", number(env, SharedMemory::kRecordPlaces));
  set(env, result, "answeredCount", number(env, offsetof(SharedMemory, answered_count)));
  set(env, result, "answered", number(env, offsetof(SharedMemory, answered)));
  set(env, result, "answeredMost", number(env, SharedMemory::kAnswered));
  set(env, result, "outbox", number(env, offsetof(SharedMemory, outbox)));
  set(env, result, "outboxSize", number(env, SharedMemory::kOutboxSize));
  return result;
}

/// open(path, onRequests, onReady, onGone, onRefused, onNotice, onDrained, onAnswered) → the functions of the engine,
/// with `shared`, the SharedMemory, its `layout`, and `cgiKeys`, the environ keys of the known fields by their number.
/// Throws when the uWebSockets.js binary at `path` cannot be used.
napi_value open(napi_env env, napi_callback_info info) {
  CallArguments arguments(env, info);
  std::string error;
  if (!net::load_usockets(arguments.text(0).c_str(), error)) {
    napi_throw_error(env, "ERR_USOCKETS", error.c_str());
    return nullptr;
  }
  net::give_back_large_blocks();
  uv_loop_s* uv_loop = nullptr;
  napi_get_uv_event_loop(env, &uv_loop);

  void* memory = nullptr;
  napi_value shared = nullptr;
  napi_create_arraybuffer(env, sizeof(SharedMemory), &memory, &shared);

  std::array<napi_value, kCallbackCount> callbacks;
  for (size_t i = 0; i < kCallbackCount; i++) callbacks[i] = arguments[i + 1];
  auto engine = std::make_unique<Engine>();
  engine->gateway = std::make_unique<JavascriptGateway>(env, uv_loop, callbacks, *static_cast<SharedMemory*>(memory),
                                                        arguments.data<HeldFiles>());
  // The engine uses the memory until the environment is torn down, whatever JavaScript lets go of.
  napi_ref shared_reference = nullptr;
  napi_create_reference(env, shared, 1, &shared_reference);

  napi_value functions = nullptr;
  napi_create_object(env, &functions);
  auto add = [&](const char* name, napi_callback callback) {
    napi_value function = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, engine.get(), &function);
    set(env, functions, name, function);
  };
  add("respond", respond);
  add("start", start);
  add("write", write);
  add("pace", pace);
  add("finish", finish);
  add("abort", abort);
  add("sendFile", send_file);
  add("sendPart", send_part);
  add("storeHead", store_head);
  add("giveAnswers", give_answers);
  add("listen", listen);
  add("replaceCertificates", replace_certificates);
  add("knowsCiphers", knows_ciphers);
  add("drain", drain);
  add("joinScoreboard", join_scoreboard);
  add("closeConnections", close_connections);
  add("stats", stats);
  add("waits", waits);
  add("elapsed", elapsed);
  add("trusts", trusts);
  add("addressText", address_text);
  add("isHost", is_host);
  set(env, functions, "tellsClientCertificates", boolean(env, net::tells_client_certificates()));
  set(env, functions, "shared", shared);
  set(env, functions, "layout", layout(env));
  set(env, functions, "cgiKeys", cgi_keys(env));
  napi_add_env_cleanup_hook(env, destroy_engine, engine.release());
  return functions;
}

void destroy_files(void* data) { delete static_cast<HeldFiles*>(data); }

napi_value initialize(napi_env env, napi_value exports) {
  auto* files = new HeldFiles;
  // Called behind the hooks that are added later, so that the files outlive the engine.
  napi_add_env_cleanup_hook(env, destroy_files, files);
  auto add = [&](const char* name, napi_callback callback) {
    napi_value function = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, files, &function);
    set(env, exports, name, function);
  };
  add("open", open);
  add("bindSocket", bind_socket);
  add("createScoreboard", create_scoreboard);
  add("sendDatagram", send_datagram);
  add("openBeneath", open_beneath);
  set(env, exports, "files", held_file_functions(env, *files));
  return exports;
}

}  // namespace
}  // namespace uwsgiref::addon

NAPI_MODULE_INIT() { return uwsgiref::addon::initialize(env, exports); }
