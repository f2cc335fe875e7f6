#include "fuzz/connection/answer_head.h"

#include <algorithm>

namespace uwsgiref::test {

using Body = Answer::Body;
using State = Answer::State;

AnswerHead::AnswerHead(const Answer& answer, const Order& order, std::optional<uint64_t> body_length)
    : body_length_(body_length) {
  add("X-Request", std::to_string(answer.client->peer.number) + "." + std::to_string(answer.number));
  const uint64_t right = body_length.value_or(order.size);
  switch (order.variant) {
    case 'l':  // a Content-Length that is too long
      declare(right + 5);
      break;
    case 's':  // or too short
      declare(right - std::min<uint64_t>(right, 5));
      break;
    case 'd':
      declare(right);
      break;
    case 'c':
      says_close_ = true;
      add("Connection", "close");
      break;
    case '4':
      status_ = "204 No Content";
      break;
    case '3':
      status_ = "304 Not Modified";
      break;
    case '5':
      status_ = "500 Internal Server Error";
      break;
    case 'v':
      sound_ = false;
      add("X-Injected", "a\r\nX-Request: 0.0");
      break;
    case 'i':
      sound_ = false;
      status_ = "100 Continue";
      break;
  }
  for (const auto& [name, value] : texts_) fields_.push_back({name, value});
}

void AnswerHead::note(Answer& answer, bool draining) const {
  answer.state = State::kStarted;
  answer.begun = true;
  answer.while_draining = draining;
  answer.says_close = says_close_;
  answer.status = static_cast<uint16_t>(std::stoi(status_));
  answer.first = Pattern::begin_of(answer);
  const std::optional<uint64_t> length = declared_ ? declared_ : body_length_;
  answer.length = length.value_or(0);
  if (answer.head_request || answer.status == 204 || answer.status == 304) {
    answer.framing = Body::kNone;
  } else if (length) {
    answer.framing = Body::kLength;
  } else {
    answer.framing = answer.minor_version > 0 ? Body::kChunked : Body::kClose;
  }
}

}  // namespace uwsgiref::test
