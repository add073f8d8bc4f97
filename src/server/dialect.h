// What a dialect is made of: routes, each with a handler and the shape of its errors.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "net/http_exchange.h"
#include "server/answer_service.h"
#include "server/conversation_store.h"
#include "server/downloads.h"
#include "server/metrics.h"
#include "server/model_details.h"
#include "server/model_pool.h"

namespace vivace {

/// What handlers work with.
struct ServerParts {
  ModelPool& pool;
  AnswerService& answers;
  Metrics& metrics;
  ConversationStore& conversations;
  ModelDetails& details;
  Downloads& downloads;
  std::string version;
  std::function<Json()> hardware;                     // what `vivace hardware --json` prints
  std::function<Json(const LoadWish& wish)> planned;  // what `vivace plan --json` prints
};

using Exchange = std::shared_ptr<HttpExchange>;
/// `rest`: what stands for the pattern's star. Runs on a worker; what it throws becomes the dialect's error.
using RouteHandler = void (*)(ServerParts& parts, Exchange exchange, const std::string& rest);

struct Route {
  std::string_view method;
  std::string_view pattern;  // a path; "*" at its end stands for any text
  RouteHandler handler;
  ErrorResponse errors;
  std::string_view summary;  // a sentence for the API description
};

HttpResponse json_response(const Json& body, int status = 200);

// One list per file of dialects/.
std::span<const Route> openai_routes();
std::span<const Route> openai_responses_routes();
std::span<const Route> lmstudio_routes();
std::span<const Route> lmstudio_v0_routes();
std::span<const Route> anthropic_routes();
std::span<const Route> ollama_routes();
std::span<const Route> vivace_routes();
std::span<const Route> vivace_generate_routes();

}  // namespace vivace
