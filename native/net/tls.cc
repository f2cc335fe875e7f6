#include "net/tls.h"

#include "net/event_loop.h"

namespace uwsgiref::net {
namespace {

const char* text_or_null(const std::string& text) noexcept { return text.empty() ? nullptr : text.c_str(); }

us_socket_context_options_t options_of(const CertificateFiles& files, const std::string& authority) noexcept {
  us_socket_context_options_t options{};
  options.key_file_name = text_or_null(files.key);
  options.cert_file_name = text_or_null(files.certificate);
  options.passphrase = text_or_null(files.passphrase);
  options.ca_file_name = text_or_null(authority);
  options.ssl_ciphers = text_or_null(files.ciphers);
  return options;
}

bool usable(EventLoop& loop, const us_socket_context_options_t& options) noexcept {
  us_socket_context_t* context = usockets().create_socket_context(1, loop.handle(), 0, options);
  if (context) usockets().context_free(1, context);
  return context != nullptr;
}

}  // namespace

us_socket_context_t* create_tls_context(EventLoop& loop, const TlsFiles& files, int ext_size, std::string& refused) {
  // A name's context gets the same authorities: where it is chosen, BoringSSL verifies by its store, but asks for a
  // certificate or not as the listener's own context says.
  for (const auto& [name, certificate] : files.names) {
    // Adding a name fails without a word.
    if (usable(loop, options_of(certificate, files.authority))) continue;
    refused = certificate.certificate;
    return nullptr;
  }
  us_socket_context_options_t own = options_of(files.own, files.authority);
  us_socket_context_t* context = usockets().create_socket_context(1, loop.handle(), ext_size, own);
  if (!context) {
    refused = files.own.certificate;
    return nullptr;
  }
  for (const auto& [name, certificate] : files.names) {
    usockets().add_server_name(1, context, name.c_str(), options_of(certificate, files.authority), nullptr);
  }
  return context;
}

bool knows_ciphers(EventLoop& loop, const std::string& ciphers) {
  CertificateFiles none;
  none.ciphers = ciphers;
  return usable(loop, options_of(none, {}));
}

bool tells_client_certificates() noexcept { return usockets().client_certificate != nullptr; }

std::string client_certificate_of(us_socket_t* socket) {
  return usockets().client_certificate(usockets().native_handle(1, socket));
}

}  // namespace uwsgiref::net
