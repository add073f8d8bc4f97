#include "net/http_client.h"

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <optional>

#include "base/error.h"

namespace vivace {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

}  // namespace

HttpAddress parse_http_address(std::string_view text) {
  const std::string whole(text);
  const auto fail = [&whole] {
    return Error(ErrorCode::kInvalidArgument, "'" + whole + "' is no address of a server",
                 "such as http://127.0.0.1:1234");
  };
  constexpr std::string_view kScheme = "http://";
  if (text.starts_with("https://")) {
    throw Error(ErrorCode::kUnsupported, "addresses with https are not spoken to here",
                "use the server's http address");
  }
  if (text.starts_with(kScheme)) text.remove_prefix(kScheme.size());
  HttpAddress address;
  const size_t slash = std::min(text.find('/'), text.size());
  address.path = text.substr(slash);
  while (address.path.ends_with('/')) address.path.pop_back();
  text = text.substr(0, slash);
  const size_t colon = text.rfind(':');
  address.host = text.substr(0, colon);
  if (colon != std::string_view::npos) {
    const std::string_view port = text.substr(colon + 1);
    const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (error != std::errc() || stop != port.data() + port.size()) throw fail();
  }
  if (address.host.empty()) throw fail();
  return address;
}

struct HttpClient::Impl {
  Impl(HttpAddress where, HttpClientOptions how) : address(std::move(where)), options(std::move(how)) {}

  [[noreturn]] void fail(const error_code& error) {
    connection.reset();
    const std::string where = address.host + ":" + std::to_string(address.port);
    if (error == beast::error::timeout) throw Error(ErrorCode::kIo, "the server at " + where + " does not answer");
    throw Error(ErrorCode::kIo, "no server at " + where + ": " + error.message(), "start one with vivace serve");
  }

  /// Runs what was begun to its end. Throws Error kCancelled where the caller has enough.
  void run() {
    constexpr auto kPatience = std::chrono::milliseconds(50);
    context.restart();
    if (!options.go_on) {
      context.run();
      return;
    }
    bool cancelled = false;
    while (!context.stopped()) {
      context.run_for(kPatience);
      if (cancelled || options.go_on()) continue;
      cancelled = true;  // what was begun ends with an error
      connection->close();
    }
    if (!cancelled) return;
    connection.reset();
    throw Error(ErrorCode::kCancelled, "hung up on the server");
  }

  void connect() {
    connection.emplace(context);
    buffer.clear();
    error_code error;
    asio::ip::tcp::resolver resolver(context);
    const auto found = resolver.resolve(address.host, std::to_string(address.port), error);
    if (error) fail(error);
    connection->expires_after(std::chrono::seconds(10));
    connection->async_connect(found, [&](const error_code& e, const asio::ip::tcp::endpoint&) { error = e; });
    run();
    if (error) fail(error);
    connection->socket().set_option(asio::ip::tcp::no_delay(true), error);
  }

  error_code send(const std::string& method, const std::string& path, const std::string& body) {
    http::request<http::string_body> request;
    request.method_string(method);
    request.target(address.path + path);
    request.version(11);
    request.set(http::field::host, address.host + ":" + std::to_string(address.port));
    if (!body.empty()) request.set(http::field::content_type, "application/json");
    if (!options.token.empty()) request.set(http::field::authorization, "Bearer " + options.token);
    request.body() = body;
    request.prepare_payload();
    error_code error;
    connection->expires_after(options.timeout);
    http::async_write(*connection, request, [&](const error_code& e, size_t) { error = e; });
    run();
    return error;
  }

  error_code read_head(http::response_parser<http::buffer_body>& parser) {
    error_code error;
    connection->expires_after(options.timeout);
    http::async_read_header(*connection, buffer, parser, [&](const error_code& e, size_t) { error = e; });
    run();
    return error;
  }

  HttpResponse ask(const std::string& method, const std::string& path, const std::string& body,
                   const std::function<bool(std::string_view)>& take) {
    std::optional<http::response_parser<http::buffer_body>> parser;
    for (int attempt = 0;; ++attempt) {
      const bool kept = connection.has_value();
      if (!kept) connect();
      parser.emplace();
      parser->body_limit(boost::none);
      error_code error = send(method, path, body);
      if (!error) error = read_head(*parser);
      if (!error) break;
      connection.reset();
      if (!kept || attempt > 0) fail(error);  // a kept connection may have been closed meanwhile
    }
    HttpResponse response;
    response.status = int(parser->get().result_int());
    for (const auto& field : parser->get()) {
      response.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    }
    read_body(*parser, response, take);
    if (connection && !parser->keep_alive()) connection.reset();
    return response;
  }

  void read_body(http::response_parser<http::buffer_body>& parser, HttpResponse& response,
                 const std::function<bool(std::string_view)>& take) {
    std::array<char, 16 << 10> piece;
    while (!parser.is_done()) {
      parser.get().body().data = piece.data();
      parser.get().body().size = piece.size();
      error_code error;
      connection->expires_after(options.timeout);
      http::async_read_some(*connection, buffer, parser, [&](const error_code& e, size_t) { error = e; });
      run();
      if (error && error != http::error::need_buffer) fail(error);
      const std::string_view part(piece.data(), piece.size() - parser.get().body().size);
      if (take && response.status == 200) {
        if (!part.empty() && !take(part)) return connection.reset();
      } else {
        response.body += part;
      }
    }
  }

  HttpAddress address;
  HttpClientOptions options;
  asio::io_context context{1};
  std::optional<beast::tcp_stream> connection;
  beast::flat_buffer buffer;
};

HttpClient::HttpClient(HttpAddress address, HttpClientOptions options)
    : impl_(std::make_unique<Impl>(std::move(address), std::move(options))) {}

HttpClient::~HttpClient() = default;

HttpResponse HttpClient::request(const std::string& method, const std::string& path, const std::string& body) {
  return impl_->ask(method, path, body, {});
}

HttpResponse HttpClient::stream(const std::string& method, const std::string& path, const std::string& body,
                                const std::function<bool(std::string_view)>& take) {
  return impl_->ask(method, path, body, take);
}

}  // namespace vivace
