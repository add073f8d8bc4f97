#include "server/server.h"

#include "base/os/memory_reserve.h"
#include "net/worker_pool.h"
#include "server/api_error.h"
#include "server/routes.h"
#include "store/vivace_database.h"

namespace vivace {
namespace {

constexpr int kWorkers = 4;  // for prompts; answers are told on the server's own thread

/// Takes the same time wherever the texts differ.
bool equal_in_constant_time(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size(); ++i)
    difference |= unsigned(uint8_t(a[i]) ^ uint8_t(b.empty() ? 0 : b[i % b.size()]));
  return difference == 0;
}

/// The token of "Authorization: Bearer …" or "x-api-key: …".
std::string_view token_of(const HttpRequest& request) {
  constexpr std::string_view kBearer = "Bearer ";
  if (const auto header = request.header("authorization")) {
    return header->starts_with(kBearer) ? header->substr(kBearer.size()) : *header;
  }
  return request.header("x-api-key").value_or("");
}

/// Adds what every response has, and counts it.
class PolicyExchange : public HttpExchange {
 public:
  PolicyExchange(Exchange inner, bool cors, Metrics& metrics)
      : inner_(std::move(inner)), cors_(cors), metrics_(metrics) {}

  const HttpRequest& request() const override { return inner_->request(); }
  void respond(HttpResponse response) override { inner_->respond(dressed(std::move(response))); }
  void start(HttpResponse head, std::string heartbeat) override {
    inner_->start(dressed(std::move(head)), std::move(heartbeat));
  }
  void write(std::string part) override { inner_->write(std::move(part)); }
  void finish() override { inner_->finish(); }
  void on_close(std::function<void()> callback) override { inner_->on_close(std::move(callback)); }

 private:
  HttpResponse dressed(HttpResponse response) const {
    metrics_.responded(response.status);
    if (cors_) response.headers.emplace_back("Access-Control-Allow-Origin", "*");
    if (response.status == 429 || response.status == 503) response.headers.emplace_back("Retry-After", "1");
    return response;
  }

  const Exchange inner_;
  const bool cors_;
  Metrics& metrics_;
};

HttpResponse preflight(const HttpRequest& request) {
  HttpResponse response;
  response.status = 204;
  response.headers = {
      {"Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS"},
      {"Access-Control-Allow-Headers", std::string(request.header("access-control-request-headers").value_or("*"))},
      {"Access-Control-Max-Age", "86400"}};
  return response;
}

HttpResponse refusal(int status, const std::string& why, const std::string& target) {
  return errors_for(target)(ApiError(status, why));
}

/// Nothing where there is no folder, or none that can be written.
std::optional<RecordStore> open_chats(const std::filesystem::path& folder, const Logger& log) {
  if (folder.empty()) return std::nullopt;
  try {
    return RecordStore(open_vivace_database(folder, [&](const std::string& note) { log.warn(note); }));
  } catch (const Error& error) {
    log.warn("chats are remembered in memory alone", {{"error", error.what()}});
    return std::nullopt;
  }
}

}  // namespace

HttpResponse json_response(const Json& body, int status) {
  HttpResponse response;
  response.status = status;
  response.headers = {{"Content-Type", "application/json"}};
  response.body = dump_json(body);
  return response;
}

struct Server::Impl {
  Impl(Machine& machine, ServerOptions wishes, Logger logger)
      : options(std::move(wishes)),
        log(logger),
        conversations(open_chats(options.chats, log), log),
        downloads(options.hub, options.pool.folders.own, log),
        pool(std::make_unique<ModelPool>(machine, options.pool, log)),
        workers(std::make_unique<WorkerPool>(kWorkers)),
        answers(std::make_unique<AnswerService>(*pool, *workers, metrics,
                                                [this](std::function<void()> step) { http->post(std::move(step)); })),
        parts{*pool,     *answers,        metrics,          conversations,  details,
              downloads, options.version, options.hardware, options.planned},
        routes(all_routes()) {
    http = std::make_unique<HttpServer>(
        options.http, [this](Exchange exchange) { handle(std::move(exchange)); }, refusal, log);
    http->start();  // not before answers find the way back
  }

  /// From those who give work to those who take it.
  ~Impl() {
    http->stop(std::chrono::milliseconds(0));
    workers.reset();
    pool.reset();
    answers.reset();
    http.reset();
  }

  void handle(Exchange inner) {
    Exchange exchange = std::make_shared<PolicyExchange>(std::move(inner), options.cors, metrics);
    const HttpRequest& request = exchange->request();
    if (request.method == "OPTIONS" && options.cors) return exchange->respond(preflight(request));
    if (!is_allowed(request)) {
      return exchange->respond(errors_for(request.path)(ApiError(
          401, "this server asks for a token: send it as 'Authorization: Bearer TOKEN'", "", "invalid_api_key")));
    }
    if (!keep_memory_reserve() && request.path != "/health") {
      return exchange->respond(errors_for(request.path)(
          Error(ErrorCode::kOutOfMemory, "this machine has no memory for requests", "try again later")));
    }
    const FoundRoute found = find_route(routes, request.method, request.path);
    if (found.route == nullptr) {
      return exchange->respond(errors_for(request.path)(
          ApiError(found.path_exists ? 405 : 404,
                   "Unexpected endpoint or method. (" + request.method + " " + request.path.substr(0, 200) + ")", "",
                   "not_found")));
    }
    workers->post([this, exchange = std::move(exchange), found] { run(exchange, *found.route, found.rest); });
  }

  bool is_allowed(const HttpRequest& request) const {
    if (options.tokens.empty() || request.path == "/health") return true;
    bool allowed = false;
    for (const std::string& token : options.tokens) allowed |= equal_in_constant_time(token_of(request), token);
    return allowed;
  }

  void run(const Exchange& exchange, const Route& route, const std::string& rest) {
    try {
      route.handler(parts, exchange, rest);
    } catch (const std::exception& error) {
      if (dynamic_cast<const Error*>(&error) == nullptr) {
        log.error("a request failed", {{"path", exchange->request().path}, {"error", error.what()}});
      }
      exchange->respond(route.errors(caught_error()));
    }
  }

  const ServerOptions options;
  const Logger log;
  Metrics metrics;
  ConversationStore conversations;
  ModelDetails details;
  Downloads downloads;
  std::unique_ptr<ModelPool> pool;
  std::unique_ptr<WorkerPool> workers;
  std::unique_ptr<AnswerService> answers;
  std::unique_ptr<HttpServer> http;
  ServerParts parts;
  const std::vector<Route> routes;
};

Server::Server(Machine& machine, ServerOptions options, Logger log)
    : impl_(std::make_unique<Impl>(machine, std::move(options), log)) {}

Server::~Server() = default;

uint16_t Server::port() const { return impl_->http->port(); }
ModelPool& Server::pool() { return *impl_->pool; }
size_t Server::running_answers() const { return impl_->answers->running(); }
void Server::stop(std::chrono::milliseconds patience) { impl_->http->stop(patience); }

}  // namespace vivace
