#include "net/http_session.h"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdio>
#include <optional>

#include "base/ascii_case.h"
#include "base/function_ref.h"

namespace vivace {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using ErrorCodeOf = boost::system::error_code;
using PlainStream = asio::ip::tcp::socket;
using TlsStream = asio::ssl::stream<asio::ip::tcp::socket>;

PlainStream& socket_of(PlainStream& stream) { return stream; }
PlainStream& socket_of(TlsStream& stream) { return stream.next_layer(); }

/// A request id that may be echoed and logged as it is.
bool is_sane_id(std::string_view id) { return is_plain_name(id) && id.size() <= 128; }

std::string chunk(std::string_view text) {
  char size[20];
  const int digits = std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  std::string framed(size, size_t(digits));
  framed += text;
  framed += "\r\n";
  return framed;
}

/// True when something for the client was lost for want of memory; its connection has to end then.
using Lost = std::shared_ptr<std::atomic<bool>>;

/// From whoever answers, on any thread, to the session on the server's. Nothing here throws: who answers may be the
/// engine, and what can't be told ends the connection.
class SessionExchange : public HttpExchange, public std::enable_shared_from_this<SessionExchange> {
 public:
  SessionExchange(std::shared_ptr<HttpHub> hub, std::weak_ptr<HttpSession> session, Lost lost, uint64_t serial,
                  HttpRequest request)
      : hub_(std::move(hub)),
        session_(std::move(session)),
        lost_(std::move(lost)),
        serial_(serial),
        request_(std::move(request)) {}

  ~SessionExchange() override {
    if (answered_) return;
    try {
      respond(hub_->refusal(500, "the request was not answered", request_.target));
    } catch (const std::exception&) {
      *lost_ = true;
    }
  }

  const HttpRequest& request() const override { return request_; }

  void respond(HttpResponse response) override {
    answered_ = true;
    tell([serial = serial_, r = std::move(response)](HttpSession& s) mutable {
      s.begin(serial, std::move(r), true, "");
    });
  }

  void start(HttpResponse head, std::string heartbeat) override {
    answered_ = true;
    tell([serial = serial_, h = std::move(head), b = std::move(heartbeat)](HttpSession& s) mutable {
      s.begin(serial, std::move(h), false, std::move(b));
    });
  }

  void write(std::string part) override {
    tell([serial = serial_, p = std::move(part)](HttpSession& s) mutable { s.part(serial, std::move(p)); });
  }

  void finish() override {
    tell([serial = serial_](HttpSession& s) { s.end(serial); });
  }

  void on_close(std::function<void()> callback) override {
    post([session = session_, serial = serial_, c = std::move(callback)]() mutable {
      if (const auto alive = session.lock()) {
        alive->on_close(serial, std::move(c));
      } else {
        c();
      }
    });
  }

 private:
  template <class Action>
  void tell(Action action) {
    post([session = session_, action = std::move(action)]() mutable {
      if (const auto alive = session.lock()) alive->guarded([&] { action(*alive); });
    });
  }

  template <class Step>
  void post(Step step) {
    try {
      asio::post(hub_->context, std::move(step));
    } catch (const std::bad_alloc&) {
      *lost_ = true;
    }
  }

  std::shared_ptr<HttpHub> hub_;
  std::weak_ptr<HttpSession> session_;
  Lost lost_;
  uint64_t serial_;
  HttpRequest request_;
  std::atomic<bool> answered_{false};
};

template <class Stream>
class Session final : public HttpSession, public std::enable_shared_from_this<Session<Stream>> {
 public:
  Session(std::shared_ptr<HttpHub> hub, Stream stream) : hub_(std::move(hub)), stream_(std::move(stream)) {}

  void run() override {
    ErrorCodeOf ignored;
    socket_of(stream_).set_option(asio::ip::tcp::no_delay(true), ignored);
    const auto endpoint = socket_of(stream_).remote_endpoint(ignored);
    if (!ignored) peer_ = endpoint.address().to_string();
    enter(State::kHandshake);
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](const ErrorCodeOf& error) {
                                if (error) return self->abort();
                                self->guarded([&] {
                                  self->next_request();
                                  self->read();
                                });
                              });
    } else {
      next_request();
      read();
    }
  }

  void tick(Clock::time_point now) override {
    if (*lost_) return abort();
    const HttpLimits& limits = hub_->options.limits;
    const auto waited = now - since_;
    if (!sending_.empty() && now - last_progress_ > limits.write_time) return abort();
    if (state_ == State::kHandshake && waited > limits.header_time) return abort();
    if (state_ == State::kIdle && waited > limits.idle_time) return abort();
    if (state_ == State::kHead && waited > limits.header_time)
      return refuse(408, "the request's headers took too long");
    if (state_ == State::kBody && waited > limits.body_time) return refuse(408, "the request's body took too long");
    if (state_ == State::kAnswering && begun_ && !heartbeat_.empty() && sending_.empty() && waiting_.empty() &&
        now - last_write_ > limits.heartbeat) {
      send_part(heartbeat_);
    }
  }

  void close_when_idle() override {
    keep_alive_ = false;
    if (state_ == State::kIdle || state_ == State::kHandshake) abort();
  }

  void guarded(FunctionRef<void()> step) noexcept override {
    try {
      step();
    } catch (const std::exception& error) {
      hub_->log.error("a connection failed", {{"error", error.what()}});
      abort();
    }
  }

  void abort() noexcept override {
    if (state_ == State::kClosed) return;
    state_ = State::kClosed;
    ErrorCodeOf ignored;
    socket_of(stream_).close(ignored);
    const std::function<void()> callback = std::exchange(on_close_, {});
    if (answering_) log_answer("the client is gone");
    answering_ = false;
    hub_->sessions.erase(this->shared_from_this());
    if (callback) callback();
  }

  void begin(uint64_t serial, HttpResponse head, bool whole, std::string heartbeat) override {
    if (serial != serial_ || !answering_ || begun_) return;
    begun_ = true;
    status_ = head.status;
    heartbeat_ = std::move(heartbeat);
    chunked_ = !whole && version_ >= 11;
    if (!whole && !chunked_) keep_alive_ = false;  // the end of the connection is the end of the answer
    if (hub_->stopping) keep_alive_ = false;
    std::string text = head_text(head, whole);
    if (whole && !is_head_) text += head.body;
    send(std::move(text));
    if (!whole && !head.body.empty()) send_part(head.body);
    if (whole) end(serial);
  }

  void part(uint64_t serial, std::string text) override {
    if (serial != serial_ || !answering_ || !begun_ || text.empty()) return;
    send_part(text);
  }

  void end(uint64_t serial) override {
    if (serial != serial_ || !answering_) return;
    if (!begun_) return begin(serial, hub_->refusal(500, "the request was not answered", target_), true, "");
    if (chunked_ && !is_head_) send("0\r\n\r\n");
    answering_ = false;
    on_close_ = {};
    log_answer("");
    if (state_ == State::kClosed) return;
    if (!keep_alive_) {
      state_ = State::kDraining;
      if (sending_.empty() && waiting_.empty()) close_politely();
      return;
    }
    next_request();
    parse();
  }

  void on_close(uint64_t serial, std::function<void()> callback) override {
    if (serial == serial_ && answering_) {
      on_close_ = std::move(callback);
    } else if (state_ == State::kClosed) {
      callback();
    }
  }

 private:
  enum class State { kHandshake, kIdle, kHead, kBody, kAnswering, kDraining, kClosed };

  void enter(State state) {
    state_ = state;
    since_ = Clock::now();
  }

  void next_request() {
    parser_.emplace();
    parser_->eager(true);
    parser_->header_limit(std::uint32_t(hub_->options.limits.header_bytes));
    parser_->body_limit(hub_->options.limits.body_bytes);
    enter(State::kIdle);
    if (hub_->stopping && buffer_.size() == 0) abort();
  }

  // ---- from the client ---------------------------------------------------------------------------------------------

  /// Always reading: the end of the connection is noticed while an answer is made.
  void read() {
    constexpr size_t kAhead = 64 << 10;
    if (reading_ || state_ == State::kClosed) return;
    if (state_ == State::kAnswering && buffer_.size() > kAhead) return;  // more requests than are answered
    reading_ = true;
    stream_.async_read_some(asio::buffer(piece_),
                            [self = this->shared_from_this()](const ErrorCodeOf& error, size_t n) {
                              self->reading_ = false;
                              if (self->state_ == State::kClosed) return;
                              if (error) return self->read_ended();
                              self->guarded([&] { self->take(n); });
                            });
  }

  void take(size_t bytes) {
    if (state_ != State::kDraining) {
      const auto room = buffer_.prepare(bytes);
      std::copy_n(piece_.begin(), bytes, static_cast<char*>(room.data()));
      buffer_.commit(bytes);
      parse();
    }
    read();
  }

  void read_ended() {
    // What was already answered may still be on its way to a client that has closed its own direction.
    if (state_ == State::kDraining && !(sending_.empty() && waiting_.empty())) return;
    abort();
  }

  /// Takes what has come as far as it goes.
  void parse() {
    while (buffer_.size() > 0 && (state_ == State::kIdle || state_ == State::kHead || state_ == State::kBody)) {
      if (state_ == State::kIdle) enter(State::kHead);
      ErrorCodeOf error;
      const size_t used = parser_->put(buffer_.data(), error);
      buffer_.consume(used);
      if (error && error != http::error::need_more) return refuse_framing(error);
      if (parser_->is_done()) {
        dispatch();
        read();
        return;
      }
      if (parser_->is_header_done() && state_ == State::kHead) {
        enter(State::kBody);
        tell_to_go_on();
      }
      if (error == http::error::need_more || used == 0) return;
    }
  }

  void tell_to_go_on() {
    if (parser_->get().version() < 11) return;
    if (beast::iequals(parser_->get()[http::field::expect], "100-continue")) send("HTTP/1.1 100 Continue\r\n\r\n");
  }

  void refuse_framing(const ErrorCodeOf& error) {
    if (error == http::error::header_limit) return refuse(431, "the request's headers are too large");
    if (error == http::error::body_limit) return refuse(413, "the request's body is too large");
    refuse(400, "this is no HTTP request: " + error.message());
  }

  /// Answers in the handler's stead and closes: what follows can't be told apart any more.
  void refuse(int status, const std::string& why) {
    const auto target = parser_->get().target();
    take_answer(std::string(target.data(), target.size()), 11, false);
    method_ = parser_->is_header_done() ? std::string(parser_->get().method_string()) : "?";
    keep_alive_ = false;
    begin(serial_, hub_->refusal(status, why, target_), true, "");
  }

  void take_answer(std::string target, unsigned version, bool is_head) {
    serial_ = ++hub_->last_request;
    target_ = std::move(target);
    version_ = version;
    is_head_ = is_head;
    answering_ = true;
    begun_ = false;
    status_ = 0;
    answer_bytes_ = 0;
    heartbeat_.clear();
    enter(State::kAnswering);
    last_write_ = since_;
  }

  void dispatch() {
    auto message = parser_->release();
    HttpRequest request;
    const auto method = message.method_string();
    request.method.assign(method.data(), method.size());
    request.peer = peer_;
    keep_alive_ = message.keep_alive() && !hub_->stopping;
    const auto target = message.target();
    take_answer(std::string(target.data(), target.size()), message.version(), request.method == "HEAD");
    method_ = request.method;
    for (const auto& field : message) {
      request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    }
    const auto wished = request.header("x-request-id");
    request_id_ = wished && is_sane_id(*wished) ? std::string(*wished) : "req-" + std::to_string(serial_);
    request.id = request_id_;
    request.body = std::move(message.body());
    if (!parse_target(target_, request)) {
      return begin(serial_, hub_->refusal(400, "this is no path: " + target_.substr(0, 200), target_), true, "");
    }
    const auto exchange =
        std::make_shared<SessionExchange>(hub_, this->weak_from_this(), lost_, serial_, std::move(request));
    try {
      hub_->handler(exchange);
    } catch (const std::exception& error) {
      hub_->log.error("a request's handler failed", {{"error", error.what()}});
      begin(serial_, hub_->refusal(500, "the request could not be handled", target_), true, "");
    }
  }

  // ---- to the client -----------------------------------------------------------------------------------------------

  std::string head_text(const HttpResponse& head, bool whole) const {
    std::string text = version_ >= 11 ? "HTTP/1.1 " : "HTTP/1.0 ";
    text += std::to_string(head.status) + " ";
    text += http_reason(head.status);
    text += "\r\n";
    const auto add = [&](std::string_view name, std::string_view value) {
      text += name;
      text += ": ";
      for (char c : value) text += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;  // no header comes in by a value
      text += "\r\n";
    };
    for (const auto& [name, value] : head.headers) add(name, value);
    if (!hub_->options.server_name.empty()) add("Server", hub_->options.server_name);
    if (!request_id_.empty()) add("X-Request-Id", request_id_);
    const bool bodiless = head.status == 204 || head.status == 304 || head.status < 200;
    if (whole && !bodiless) add("Content-Length", std::to_string(head.body.size()));
    if (chunked_) add("Transfer-Encoding", "chunked");
    add("Connection", keep_alive_ ? "keep-alive" : "close");
    return text + "\r\n";
  }

  void send_part(const std::string& text) {
    last_write_ = Clock::now();
    if (is_head_) return;
    send(chunked_ ? chunk(text) : text);
  }

  void send(std::string text) {
    if (state_ == State::kClosed) return;
    answer_bytes_ += text.size();
    last_write_ = Clock::now();
    if (waiting_.empty()) {
      waiting_ = std::move(text);
    } else {
      waiting_ += text;
    }
    // Whole answers may be larger; parts that pile up mean that nobody reads.
    if (waiting_.size() > hub_->options.limits.unsent_bytes && !sending_.empty()) return abort();
    flush();
  }

  void flush() {
    if (!sending_.empty() || waiting_.empty() || state_ == State::kClosed) return;
    sending_.swap(waiting_);
    sent_ = 0;
    last_progress_ = Clock::now();
    write_some();
  }

  void write_some() {
    stream_.async_write_some(asio::buffer(sending_.data() + sent_, sending_.size() - sent_),
                             [self = this->shared_from_this()](const ErrorCodeOf& error, size_t n) {
                               if (self->state_ == State::kClosed) return;
                               if (error) return self->abort();
                               self->guarded([&] { self->written(n); });
                             });
  }

  void written(size_t bytes) {
    sent_ += bytes;
    last_progress_ = Clock::now();
    if (sent_ < sending_.size()) return write_some();
    sending_.clear();
    if (!waiting_.empty()) return flush();
    if (state_ == State::kDraining) close_politely();
  }

  /// Says that nothing more comes, and reads on for a while: a close with unread bytes would reset the connection, and
  /// the client would lose the answer.
  void close_politely() {
    ErrorCodeOf ignored;
    socket_of(stream_).shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    closing_.expires_after(std::chrono::milliseconds(500));
    closing_.async_wait([self = this->shared_from_this()](const ErrorCodeOf&) { self->abort(); });
    read();
  }

  void log_answer(std::string_view note) noexcept {
    const double seconds = std::chrono::duration<double>(Clock::now() - since_).count();
    hub_->log.info("request", {{"id", request_id_},
                               {"peer", peer_},
                               {"method", method_},
                               {"target", std::string_view(target_).substr(0, 256)},
                               {"status", status_},
                               {"bytes", uint64_t(answer_bytes_)},
                               {"seconds", seconds},
                               {"note", note}});
  }

  std::shared_ptr<HttpHub> hub_;
  Lost lost_ = std::make_shared<std::atomic<bool>>(false);
  Stream stream_;
  asio::steady_timer closing_{hub_->context};
  State state_ = State::kHandshake;
  Clock::time_point since_ = Clock::now();  // when the state was entered
  std::string peer_;

  std::array<char, 16 << 10> piece_;  // what is being read: the buffer may be taken from meanwhile
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  bool reading_ = false;

  // The answer that is made.
  uint64_t serial_ = 0;
  std::string method_, target_, request_id_;
  unsigned version_ = 11;
  bool is_head_ = false;
  bool answering_ = false, begun_ = false, chunked_ = false, keep_alive_ = true;
  int status_ = 0;
  size_t answer_bytes_ = 0;
  std::string heartbeat_;
  std::function<void()> on_close_;

  std::string waiting_, sending_;
  size_t sent_ = 0;
  Clock::time_point last_write_, last_progress_;
};

}  // namespace

std::shared_ptr<HttpSession> make_http_session(std::shared_ptr<HttpHub> hub, asio::ip::tcp::socket socket,
                                               asio::ssl::context* tls) {
  if (tls == nullptr) return std::make_shared<Session<PlainStream>>(std::move(hub), std::move(socket));
  return std::make_shared<Session<TlsStream>>(std::move(hub), TlsStream(std::move(socket), *tls));
}

}  // namespace vivace
