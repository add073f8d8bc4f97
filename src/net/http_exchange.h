// One request and its answer, from the side of whoever answers.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/http_message.h"

namespace vivace {

/// Thread-safe. Answered once: by respond(), or by start(), write() …, finish(). What comes after the client has gone
/// is dropped. An exchange that is let go without an answer is answered with 500.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  virtual const HttpRequest& request() const = 0;
  /// A whole answer.
  virtual void respond(HttpResponse response) = 0;
  /// Begins an answer that comes in parts; `head.body` is its first part. Where nothing is written for some seconds,
  /// `heartbeat` is, so that clients and proxies don't give up; "": nothing.
  virtual void start(HttpResponse head, std::string heartbeat) = 0;
  virtual void write(std::string part) = 0;
  virtual void finish() = 0;
  /// Called once, on the server's thread, when the client vanishes before the answer is complete, or at once when it
  /// already has. One function at a time.
  virtual void on_close(std::function<void()> callback) = 0;
};

using HttpHandler = std::function<void(std::shared_ptr<HttpExchange> exchange)>;

}  // namespace vivace
