// POST /api/v1/generate, Vivace's own: the engine's events as they are. `vivace run` and `chat` use it.
#include "base/utf8.h"
#include "chat/text_model.h"
#include "server/chat_messages.h"
#include "server/dialects/lmstudio_common.h"
#include "server/dialects/openai_common.h"
#include "server/event_json.h"
#include "server/sampling_fields.h"

namespace vivace {
namespace {

class EventWriter : public AnswerWriter {
 public:
  explicit EventWriter(bool logprobs) : logprobs_(logprobs) {}

  Json whole(const Answer& answer) override {
    const AnswerChoice& choice = answer.choices.front();
    Json json = head(answer);
    json["text"] = choice.content;
    json["ids"] = Json::array();
    if (logprobs_) json["logprobs"] = Json::array();
    for (const TokenEvent& token : choice.tokens) {
      json["ids"].push_back(token.id);
      if (logprobs_) json["logprobs"].push_back(logprobs_json(token, piece_of(answer)));
    }
    json.update(finished_json(*choice.finished));
    return json;
  }

  bool tells_progress() const override { return true; }
  bool tells_tokens() const override { return true; }
  std::string loading(const Answer&, double share) override { return event("loading", {{"progress", share}}); }
  std::string reading(const Answer&, double share) override { return event("reading", {{"progress", share}}); }

  std::string begin(const Answer& answer) override {
    Json json = head(answer);
    json["prompt_tokens"] = answer.prompt_tokens;
    json["cached_tokens"] = answer.cached_tokens;
    return event("started", json);
  }

  std::string delta(const Answer& answer, const AnswerDelta& delta) override {
    std::string text;
    for (const AnswerPart& part : delta.parts) text += part.text;
    if (delta.token == nullptr) return event("text", {{"text", text}});
    Json json = {{"id", delta.token->id}, {"text", text}};
    if (logprobs_) json["logprobs"] = logprobs_json(*delta.token, piece_of(answer));
    return event("token", json);
  }

  std::string choice_end(const Answer& answer, int choice) override {
    return event("finished", finished_json(*answer.choices[size_t(choice)].finished));
  }

  std::string end(const Answer&) override { return ""; }

  std::string failure(const Answer&, const Error& error) override {
    return event("failed", {{"status", api_failure(error).status}, {"error", lmstudio_error_object(error)}});
  }

 private:
  static Json head(const Answer& answer) {
    return {{"model", answer.model},
            {"model_instance_id", answer.instance},
            {"context_length", answer.context_length},
            {"load_seconds", answer.load_seconds},
            {"messages_left_out", answer.messages_left_out}};
  }

  static PieceOf piece_of(const Answer& answer) {
    return [&answer](TokenId id) { return answer.tokenizer->piece(id, true); };
  }

  static std::string event(const std::string& type, const Json& fields) {
    Json json = {{"type", type}};
    json.update(fields);
    return sse(json);
  }

  const bool logprobs_;
};

/// A text to go on with, or a chat. The template's markers of thinking stay in the answer.
void read_question(JsonFields& fields, AnswerRequest& request) {
  const Json* messages = fields.array("messages");
  const auto prompt = fields.text("prompt");
  if ((messages != nullptr) == prompt.has_value()) {
    throw ApiError(400, "either 'messages' or 'prompt' is needed", "messages", "missing_required_parameter");
  }
  if (prompt) request.text = *prompt;
  if (messages != nullptr) request.messages = template_messages(*messages);
  request.split_reasoning = false;
}

void generate(ServerParts& parts, Exchange exchange, const std::string&) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  AnswerRequest request;
  request.load.model = fields.text("model").value_or("");
  read_question(fields, request);
  read_sampling_fields(fields, request, {.temperature = 100, .penalty = 100});
  read_load_fields(fields, request);
  read_most_tokens(fields, request.request);
  SamplingOptions& sampling = request.request.sampling;
  if (const auto window = fields.whole("repeat_window", -1, 1 << 30)) sampling.repeat_window = *window;
  if (const auto count = fields.whole("logprobs", 0, 100)) sampling.logprobs = *count;
  const bool stream = fields.flag("stream").value_or(false);
  fields.refuse_others();
  auto writer = std::make_unique<EventWriter>(sampling.logprobs >= 0);
  parts.answers.answer(std::move(exchange), std::move(request), std::move(writer), stream, lmstudio_error);
}

const Route kRoutes[] = {
    {"POST", "/api/v1/generate", generate, lmstudio_error,
     "Answer a chat or complete a text, told token by token; streams as server-sent events"},
};

}  // namespace

std::span<const Route> vivace_generate_routes() { return kRoutes; }

}  // namespace vivace
