#include "net/http_server.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/with_memory.h"
#include "net/http_session.h"

namespace vivace {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

tcp::endpoint endpoint_of(asio::io_context& context, const HttpServerOptions& options) {
  error_code error;
  const auto address = asio::ip::make_address(options.host, error);
  if (!error) return {address, options.port};
  tcp::resolver resolver(context);
  const auto found = resolver.resolve(options.host, std::to_string(options.port), error);
  if (error || found.empty()) {
    throw Error(ErrorCode::kIo, "there is no address for the host '" + options.host + "'",
                "127.0.0.1 serves this machine alone, 0.0.0.0 the network too");
  }
  return found.begin()->endpoint();
}

Error listen_error(const HttpServerOptions& options, const error_code& error) {
  const std::string where = options.host + ":" + std::to_string(options.port);
  if (error == asio::error::address_in_use) {
    return Error(ErrorCode::kIo, "another program listens at " + where,
                 "choose another port with --port, or --port 0 for a free one");
  }
  return Error(
      ErrorCode::kIo, "can't listen at " + where + ": " + error.message(),
      error == asio::error::access_denied ? "ports below 1024 need rights; choose a higher one with --port" : "");
}

std::unique_ptr<asio::ssl::context> tls_context(const HttpServerOptions& options) {
  if (options.certificate.empty() && options.private_key.empty()) return nullptr;
  auto tls = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  error_code error;
  tls->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                       asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1,
                   error);
  if (!error) tls->use_certificate_chain_file(options.certificate, error);
  if (error) {
    throw Error(ErrorCode::kInvalidArgument, "no certificate in '" + options.certificate + "': " + error.message());
  }
  tls->use_private_key_file(options.private_key, asio::ssl::context::pem, error);
  if (error) {
    throw Error(ErrorCode::kInvalidArgument,
                "no private key of that certificate in '" + options.private_key + "': " + error.message());
  }
  return tls;
}

}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  Impl(const HttpServerOptions& options, HttpHandler handler, HttpRefusal refusal, Logger log)
      : hub(std::make_shared<HttpHub>()),
        tls(tls_context(options)),
        acceptor(hub->context),
        timer(hub->context),
        retry(hub->context) {
    hub->options = options;
    hub->handler = std::move(handler);
    hub->refusal = std::move(refusal);
    hub->log = log;
    listen();
  }

  void listen() {
    const tcp::endpoint endpoint = endpoint_of(hub->context, hub->options);
    error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) port = acceptor.local_endpoint(error).port();
    if (error) throw listen_error(hub->options, error);
  }

  void start() {
    try {
      thread = std::thread([self = shared_from_this()] { self->run(); });
    } catch (const std::system_error&) {
      throw Error(ErrorCode::kOutOfMemory, "the system gives no thread for the server");
    }
  }

  /// A handler that throws takes what it worked on with it, not the server.
  void run() noexcept {
    for (;;) {
      try {
        if (!hub->stopping) go_on();
        hub->context.run();
        return;
      } catch (const std::exception& error) {
        hub->log.error("a step of the server failed", {{"error", error.what()}});
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
  }

  /// Takes connections and looks at the clock; both may have broken off where there was no memory to ask for the next.
  void go_on() {
    if (!accepting) accept();
    if (!ticking) tick();
  }

  /// Set as long as it, or the handler that it was moved into, lives.
  class Pending {
   public:
    explicit Pending(bool& flag) : flag_(&flag) { flag = true; }
    Pending(Pending&& other) noexcept : flag_(std::exchange(other.flag_, nullptr)) {}
    ~Pending() { done(); }
    /// Ends it early.
    void done() {
      if (flag_ != nullptr) *std::exchange(flag_, nullptr) = false;
    }

   private:
    bool* flag_;
  };

  void accept() {
    acceptor.async_accept(
        [self = shared_from_this(), p = Pending(accepting)](const error_code& error, tcp::socket socket) mutable {
          p.done();
          if (self->hub->stopping || error == asio::error::operation_aborted) return;
          if (error) return self->accept_later(error);
          self->take(std::move(socket));
          self->accept();
        });
  }

  /// No descriptors or no memory: those who wait in the system's queue are taken when there is room again.
  void accept_later(const error_code& error) {
    hub->log.warn("can't take a connection", {{"error", error.message()}});
    retry.expires_after(std::chrono::milliseconds(100));
    retry.async_wait([self = shared_from_this(), p = Pending(accepting)](const error_code& cancelled) mutable {
      p.done();
      if (!cancelled && !self->hub->stopping) self->accept();
    });
  }

  void take(tcp::socket socket) {
    if (hub->sessions.size() >= hub->options.limits.connections) {
      hub->log.warn("too many connections", {{"limit", uint64_t(hub->options.limits.connections)}});
      return;  // closes it
    }
    try {
      const auto session = make_http_session(hub, std::move(socket), tls.get());
      hub->sessions.insert(session);
      session->run();
    } catch (const std::exception& failure) {
      hub->log.error("a connection failed", {{"error", failure.what()}});
    }
  }

  void tick() {
    const HttpLimits& limits = hub->options.limits;
    const auto shortest =
        std::min({limits.header_time, limits.body_time, limits.idle_time, limits.write_time, limits.heartbeat});
    timer.expires_after(std::clamp(shortest / 4, std::chrono::milliseconds(20), std::chrono::milliseconds(1000)));
    timer.async_wait([self = shared_from_this(), p = Pending(ticking)](const error_code& error) mutable {
      p.done();
      if (error) return;
      const auto now = HttpSession::Clock::now();
      const auto sessions = self->hub->sessions;  // a session may leave while it looks
      for (const auto& session : sessions) session->guarded([&] { session->tick(now); });
      self->tick();
    });
  }

  template <class Step>
  void post(const Step& step) {
    with_memory([&] { asio::post(hub->context, step); });
  }

  void stop(std::chrono::milliseconds patience) {
    if (!thread.joinable()) return;
    post([self = shared_from_this()] { self->begin_stop(); });
    const auto deadline = HttpSession::Clock::now() + patience;
    while (HttpSession::Clock::now() < deadline && !is_empty())
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    post([self = shared_from_this()] { self->finish_stop(); });
    thread.join();
  }

  bool is_empty() {
    struct Answer {
      std::mutex mutex;
      std::condition_variable changed;
      std::optional<bool> empty;
    };
    const auto answer = std::make_shared<Answer>();
    post([answer, hub = hub] {
      const std::lock_guard lock(answer->mutex);
      answer->empty = hub->sessions.empty();
      answer->changed.notify_one();
    });
    std::unique_lock lock(answer->mutex);
    answer->changed.wait(lock, [&] { return answer->empty.has_value(); });
    return *answer->empty;
  }

  void begin_stop() {
    hub->stopping = true;
    error_code ignored;
    acceptor.close(ignored);
    const auto sessions = hub->sessions;
    for (const auto& session : sessions) session->close_when_idle();
  }

  void finish_stop() {
    const auto sessions = hub->sessions;
    for (const auto& session : sessions) session->abort();
    timer.cancel();
    retry.cancel();
  }

  std::shared_ptr<HttpHub> hub;
  std::unique_ptr<asio::ssl::context> tls;
  tcp::acceptor acceptor;
  asio::steady_timer timer, retry;
  bool accepting = false, ticking = false;  // whether a handler waits for it
  std::thread thread;
  uint16_t port = 0;
};

HttpServer::HttpServer(const HttpServerOptions& options, HttpHandler handler, HttpRefusal refusal, Logger log)
    : impl_(std::make_shared<Impl>(options, std::move(handler), std::move(refusal), log)) {}

HttpServer::~HttpServer() { stop(std::chrono::milliseconds(0)); }

void HttpServer::start() { impl_->start(); }
uint16_t HttpServer::port() const { return impl_->port; }
void HttpServer::post(std::function<void()> step) { impl_->post(step); }
void HttpServer::stop(std::chrono::milliseconds patience) { impl_->stop(patience); }

}  // namespace vivace
