#pragma once

#include <memory>

#include "addon/javascript_gateway.h"
#include "http/byte_buffer.h"

namespace uwsgiref::addon {

/// One Node environment's engine.
struct Engine {
  std::unique_ptr<JavascriptGateway> gateway;
  http::ByteBuffer text;  ///< that a call has brought
  StoredHead head;        ///< likewise
};

}  // namespace uwsgiref::addon
