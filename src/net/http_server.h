// An HTTP/1.1 server on one thread: keep-alive, streamed answers, TLS where asked for. Knows no path and no JSON.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "net/http_exchange.h"

namespace vivace {

struct HttpLimits {
  size_t header_bytes = 32 << 10;
  size_t body_bytes = size_t{64} << 20;
  size_t unsent_bytes = size_t{8} << 20;  // of a client that doesn't read: it is given up
  size_t connections = 1024;
  std::chrono::milliseconds header_time{20'000};  // from a request's first byte to the end of its headers
  std::chrono::milliseconds body_time{60'000};
  std::chrono::milliseconds idle_time{120'000};  // between requests
  std::chrono::milliseconds write_time{60'000};  // without any byte taken
  std::chrono::milliseconds heartbeat{10'000};
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 0;        // 0: a free one
  std::string certificate;  // PEM file with the chain; with `private_key`: TLS
  std::string private_key;  // PEM file
  std::string server_name;  // the header Server
  HttpLimits limits = {};
};

/// What the server answers by itself (no HTTP, too large, too slow): status, why, and the target as far as it is known.
using HttpRefusal = std::function<HttpResponse(int status, const std::string& why, const std::string& target)>;

class HttpServer {
 public:
  /// Listens; nobody is answered before start(). `handler` is called on the server's thread and must return soon.
  /// Throws Error kIo for an address that can't be had (another program has the port), kInvalidArgument for
  /// certificates that are none.
  HttpServer(const HttpServerOptions& options, HttpHandler handler, HttpRefusal refusal, Logger log);
  /// As stop() without patience.
  ~HttpServer();

  /// Starts the thread. Throws Error kOutOfMemory where there is none.
  void start();

  uint16_t port() const;

  /// Runs `step` on the server's thread, after what was posted before. Dropped once the server has stopped.
  void post(std::function<void()> step);

  /// Takes no more connections, lets answers that have begun come to their end for so long, then breaks off the rest.
  void stop(std::chrono::milliseconds patience);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace vivace
