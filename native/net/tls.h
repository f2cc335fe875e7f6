#pragma once

#include <string>
#include <utility>
#include <vector>

#include "net/usockets.h"

namespace uwsgiref::net {

class EventLoop;

/// A certificate and its key: paths of PEM files. Empty: not used.
struct CertificateFiles {
  std::string key;
  std::string certificate;  ///< with its chain
  std::string passphrase;   ///< of the key
  std::string ciphers;
};

/// What a TLS listener shows to its clients, and which certificates of theirs it believes.
struct TlsFiles {
  CertificateFiles own;   ///< for clients that name no server, or one that is not below
  std::string authority;  ///< of client certificates; these are asked for where it is given
  std::vector<std::pair<std::string, CertificateFiles>> names;
};

/// Makes a context of uSockets with these certificates. Where the engine's TLS library refuses one the answer is
/// nullptr, and `refused` has the path of the certificate.
us_socket_context_t* create_tls_context(EventLoop& loop, const TlsFiles& files, int ext_size, std::string& refused);

/// Whether the engine's TLS library knows any cipher of the list; of several, it passes over those that it does not.
bool knows_ciphers(EventLoop& loop, const std::string& ciphers);

/// Whether client certificates can be told at all; see USockets::client_certificate.
bool tells_client_certificates() noexcept;

/// The certificate of the client at the other end, as PEM; empty where it has shown none. The handshake must be over.
std::string client_certificate_of(us_socket_t* socket);

}  // namespace uwsgiref::net
