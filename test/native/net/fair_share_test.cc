#include "net/fair_share.h"

#include <doctest/doctest.h>

using uwsgiref::net::CommonShare;
using uwsgiref::net::OwnShare;

TEST_CASE("a connection may run all requests that there are, but when they are spent only one") {
  CommonShare common;
  OwnShare greedy;
  for (uint32_t i = 0; i < CommonShare::kRequests; i++) {
    CHECK(greedy.allows_request(common));
    greedy.take_request(common);
  }
  CHECK(!greedy.allows_request(common));
  OwnShare other;
  CHECK(other.allows_request(common));
  other.take_request(common);
  CHECK(!other.allows_request(common));
  common.renew();
  CHECK(greedy.allows_request(common));
  CHECK(other.allows_request(common));
}

TEST_CASE("a connection has its bytes once a round, whatever others leave") {
  CommonShare common;
  OwnShare own;
  CHECK(own.bytes_left(common) == OwnShare::kMostBytes);
  own.take_bytes(common, 1000);
  CHECK(own.bytes_left(common) == OwnShare::kMostBytes - 1000);
  own.take_bytes(common, OwnShare::kMostBytes);
  CHECK(own.bytes_left(common) == 0);
  CHECK(common.left());
  common.renew();
  CHECK(own.bytes_left(common) == OwnShare::kMostBytes);
}

TEST_CASE("when the bytes of all are spent, there is a little for whoever has had none") {
  CommonShare common;
  for (uint64_t sent = 0; sent < CommonShare::kBytes; sent += OwnShare::kMostBytes) {
    OwnShare greedy;
    greedy.take_bytes(common, OwnShare::kMostBytes);
    CHECK(greedy.bytes_left(common) == 0);
  }
  CHECK(!common.left());
  OwnShare other;
  CHECK(other.bytes_left(common) == OwnShare::kLeastBytes);
  other.take_bytes(common, OwnShare::kLeastBytes + 1);
  CHECK(other.bytes_left(common) == 0);
  common.renew();
  CHECK(common.left());
}

TEST_CASE("what was taken in an earlier round does not count") {
  CommonShare common;
  OwnShare own;
  own.take_bytes(common, OwnShare::kMostBytes);
  common.renew();
  own.take_request(common);
  CHECK(own.bytes_left(common) == OwnShare::kMostBytes);
}
