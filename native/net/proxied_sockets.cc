#include "net/proxied_sockets.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "http/request_error.h"
#include "net/event_loop.h"
#include "net/listener.h"

namespace uwsgiref::net {

ProxiedSockets::Socket::Socket(ProxiedSockets& owner, FileDescriptor fd, const PeerAddress& proxy) noexcept
    : owner(owner), fd(std::move(fd)), proxy(proxy), opened(EventLoop::now()) {
  const uint32_t timeout = owner.listener_.settings().headers_timeout;
  deadline = timeout == 0 ? Deadlines::kNever : opened + timeout;
}

bool ProxiedSockets::add(FileDescriptor fd, const PeerAddress& proxy) {
  Socket& socket = sockets_.emplace_back(*this, std::move(fd), proxy);
  socket.place = std::prev(sockets_.end());
  auto on_event = [](void* owner, bool readable) {
    Socket& socket = *static_cast<Socket*>(owner);
    ProxiedSockets& self = socket.owner;
    EventLoop::Event event(self.listener_.loop());
    if (readable) {
      self.on_readable(socket);
    } else {
      self.drop(socket, http::RequestError::kNone);
    }
  };
  if (socket.poll.open(listener_.loop().uv_loop(), socket.fd.get(), on_event, &socket) != 0) {
    sockets_.pop_back();
    return false;
  }
  listener_.loop().enter_proxied();
  return true;
}

void ProxiedSockets::on_readable(Socket& socket) noexcept {
  const http::ProxyHeader header = read(socket);
  Accepted accepted{socket.proxy, true, false, socket.opened};
  switch (header.status) {
    case http::ProxyHeader::Status::kNeedMore:
      return;
    case http::ProxyHeader::Status::kError:
      drop(socket, socket.received.empty() ? http::RequestError::kNone : http::RequestError::kBadProxyHeader);
      return;
    case http::ProxyHeader::Status::kComplete:
      if (listener_.introduce(header, accepted)) {
        listener_.adopt(take_out(socket), accepted);
      } else {
        drop(socket, http::RequestError::kNone);
      }
  }
}

FileDescriptor ProxiedSockets::take_out(Socket& socket) noexcept {
  socket.poll.close();
  FileDescriptor fd = std::move(socket.fd);
  sockets_.erase(socket.place);
  listener_.loop().leave_proxied();
  return fd;
}

bool ProxiedSockets::drop(Socket& socket, http::RequestError why) noexcept {
  const PeerAddress proxy = socket.proxy;
  take_out(socket);
  if (why != http::RequestError::kNone) listener_.refuse_handshake(why, proxy);
  const bool more = !sockets_.empty();
  listener_.closed(proxy);
  return more;
}

http::ProxyHeader ProxiedSockets::read(Socket& socket) noexcept {
  constexpr http::ProxyHeader kNone{.status = http::ProxyHeader::Status::kNeedMore};
  constexpr http::ProxyHeader kOver{.status = http::ProxyHeader::Status::kError};
  std::array<char, http::kMaxBinaryProxyHeader> bytes;
  const ssize_t seen = ::recv(socket.fd.get(), bytes.data(), bytes.size(), MSG_PEEK);
  if (seen < 0 && (errno == EAGAIN || errno == EINTR)) return kNone;
  if (seen <= 0) {
    socket.received.clear();
    return kOver;
  }
  const size_t before = socket.received.size();
  socket.received.append(bytes.data(), static_cast<size_t>(seen));
  const http::ProxyHeader header = http::read_proxy_header(socket.received);
  // Of a header that is not whole everything is a part; behind a whole one the handshake begins.
  const bool whole = header.status == http::ProxyHeader::Status::kComplete;
  const size_t part = whole ? header.size - before : static_cast<size_t>(seen);
  if (::recv(socket.fd.get(), bytes.data(), part, 0) != static_cast<ssize_t>(part)) return kOver;
  return header;
}

bool ProxiedSockets::end_late(int64_t now, size_t most) noexcept {
  if (sockets_.empty()) return false;
  while (sockets_.front().deadline <= now) {
    if (most-- == 0) return true;
    Socket& late = sockets_.front();
    if (!drop(late, late.received.empty() ? http::RequestError::kNone : http::RequestError::kHeadTimeout)) break;
  }
  return false;
}

void ProxiedSockets::hurry(int64_t deadline) noexcept {
  for (Socket& socket : sockets_) socket.deadline = std::min(socket.deadline, deadline);
}

void ProxiedSockets::close() noexcept {
  if (sockets_.empty()) return;
  while (drop(sockets_.front(), http::RequestError::kNone)) {
  }
}

}  // namespace uwsgiref::net
