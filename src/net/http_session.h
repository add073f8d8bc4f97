// One connection of the server: requests come in one after another, each is answered before the next is looked at.
// Everything here runs on the server's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <memory>
#include <set>

#include "base/function_ref.h"
#include "net/http_server.h"

namespace vivace {

class HttpSession;

/// What the connections of a server share.
struct HttpHub {
  boost::asio::io_context context{1};
  HttpServerOptions options;
  HttpHandler handler;
  HttpRefusal refusal;
  Logger log;
  std::set<std::shared_ptr<HttpSession>> sessions;
  bool stopping = false;
  uint64_t last_request = 0;
};

class HttpSession {
 public:
  using Clock = std::chrono::steady_clock;

  virtual ~HttpSession() = default;
  virtual void run() = 0;
  /// Looks at the clock: closes what takes too long, sends heartbeats.
  virtual void tick(Clock::time_point now) = 0;
  /// Closes when nothing is being answered.
  virtual void close_when_idle() = 0;
  virtual void abort() noexcept = 0;
  /// Does a step of this connection, which ends where the step throws: for want of memory, say.
  virtual void guarded(FunctionRef<void()> step) noexcept = 0;

  // What an exchange says; `serial` is its request's, others are ignored.
  virtual void begin(uint64_t serial, HttpResponse head, bool whole, std::string heartbeat) = 0;
  virtual void part(uint64_t serial, std::string text) = 0;
  virtual void end(uint64_t serial) = 0;
  virtual void on_close(uint64_t serial, std::function<void()> callback) = 0;
};

/// `tls`: null for plain text; must outlive the session.
std::shared_ptr<HttpSession> make_http_session(std::shared_ptr<HttpHub> hub, boost::asio::ip::tcp::socket socket,
                                               boost::asio::ssl::context* tls);

}  // namespace vivace
