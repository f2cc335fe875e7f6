#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/connection/client.h"
#include "http/response_writer.h"

namespace uwsgiref::test {

/// What an application is to do, and to which of the answers.
struct Order {
  char act = 'r';
  uint8_t which = 0;
  uint8_t size = 0;
  uint8_t variant = 0;
};

/// The head that an order asks for.
class AnswerHead {
 public:
  AnswerHead(const Answer& answer, const Order& order, std::optional<uint64_t> body_length);

  http::ResponseHead get() const { return {status_, fields_, body_length_}; }
  bool sound() const noexcept { return sound_; }
  /// Notes on the answer that it has this head.
  void note(Answer& answer, bool draining) const;

 private:
  void add(std::string name, std::string value) { texts_.emplace_back(std::move(name), std::move(value)); }
  void declare(uint64_t length) {
    declared_ = length;
    add("Content-Length", std::to_string(length));
  }

  std::string status_ = "200 OK";
  std::deque<std::pair<std::string, std::string>> texts_;
  std::vector<http::ResponseField> fields_;
  std::optional<uint64_t> body_length_;
  std::optional<uint64_t> declared_;
  bool says_close_ = false;
  bool sound_ = true;
};

}  // namespace uwsgiref::test
