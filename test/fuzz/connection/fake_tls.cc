#include "fuzz/connection/fake_tls.h"

#include <algorithm>

#include "fuzz/connection/fake_sockets.h"
#include "fuzz/oracle.h"

namespace uwsgiref::test {

bool FakeTls::take_flight() {
  if (unsent_ > 0) return false;
  client_flights_++;
  trace(socket_.peer->number, in_handshake() ? " begins its handshake" : " has its handshake behind it");
  if (in_handshake()) unsent_ = kServerFlight - FakeNetwork::write(socket_, kServerFlight);
  return true;
}

void FakeTls::go_on() {
  if (in_handshake() && unsent_ > 0) unsent_ -= FakeNetwork::write(socket_, unsent_);
}

size_t FakeTls::write(std::string_view bytes) {
  const bool nothing_was_asked_yet = in_handshake();
  EXPECT(!nothing_was_asked_yet);
  const bool refused_write_is_tried_with_fewer_bytes = bytes.size() < offered_;
  EXPECT(!refused_write_is_tried_with_fewer_bytes);
  const bool refused_write_is_tried_with_other_bytes = !bytes.starts_with(begun_);
  EXPECT(!refused_write_is_tried_with_other_bytes);
  for (;;) {
    if (unsent_ > 0) {
      unsent_ -= FakeNetwork::write(socket_, unsent_);
      trace(socket_.peer->number, " gets a record of ", record_, " bytes", unsent_ > 0 ? " in part" : "");
      if (unsent_ > 0) {
        offered_ = bytes.size();
        return 0;
      }
      socket_.peer->received.append(begun_, begun_.size() - record_);
    }
    if (begun_.size() == bytes.size()) break;
    const std::string_view record = bytes.substr(begun_.size(), kRecord);
    begun_ += record;
    unsent_ = record_ = record.size();
  }
  begun_.clear();
  offered_ = 0;
  return bytes.size();
}

}  // namespace uwsgiref::test
