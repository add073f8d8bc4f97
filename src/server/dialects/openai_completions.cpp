// POST /v1/completions: a text goes on, without any chat template.
#include "base/utf8.h"
#include "server/dialects/openai_common.h"
#include "server/sampling_fields.h"
#include "text/tokenizer/tokenizer.h"

namespace vivace {
namespace {

Json logprobs_json(const Answer& answer, std::span<const TokenEvent> tokens, size_t offset) {
  Json texts = Json::array(), values = Json::array(), tops = Json::array(), offsets = Json::array();
  for (const TokenEvent& token : tokens) {
    const std::string text = replace_invalid_utf8(answer.tokenizer->piece(token.id, true));
    Json top = Json::object();
    for (const TokenLogprob& other : token.top) {
      top[replace_invalid_utf8(answer.tokenizer->piece(other.id, true))] = other.logprob;
    }
    texts.push_back(text);
    values.push_back(token.logprob);
    tops.push_back(std::move(top));
    offsets.push_back(offset);
    offset += text.size();
  }
  return {{"tokens", std::move(texts)},
          {"token_logprobs", std::move(values)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

class CompletionWriter : public AnswerWriter {
 public:
  CompletionWriter(bool usage, bool stats, bool logprobs, std::string echo)
      : usage_(usage), stats_(stats), logprobs_(logprobs), echo_(std::move(echo)) {}

  Json whole(const Answer& answer) override {
    Json json = head(answer);
    for (size_t i = 0; i < answer.choices.size(); ++i) {
      const AnswerChoice& choice = answer.choices[i];
      json["choices"].push_back({{"index", i},
                                 {"text", echo_ + choice.content},
                                 {"logprobs", logprobs_ ? logprobs_json(answer, choice.tokens, echo_.size()) : Json()},
                                 {"finish_reason", openai_finish_reason(choice)}});
    }
    json["usage"] = openai_usage(answer);
    if (stats_) add_lmstudio_v0(answer, json);
    return json;
  }

  std::string begin(const Answer& answer) override {
    std::string text;
    for (size_t i = 0; i < answer.choices.size() && !echo_.empty(); ++i) text += chunk(answer, int(i), echo_);
    return text;
  }

  std::string delta(const Answer& answer, const AnswerDelta& delta) override {
    std::string text;
    for (const AnswerPart& part : delta.parts) text += part.text;
    Json logprobs = nullptr;
    if (logprobs_ && delta.token != nullptr) logprobs = logprobs_json(answer, {delta.token, 1}, 0);
    return chunk(answer, delta.choice, text, std::move(logprobs));
  }

  std::string choice_end(const Answer& answer, int choice) override {
    return chunk(answer, choice, "", nullptr, openai_finish_reason(answer.choices[size_t(choice)]));
  }

  std::string end(const Answer& answer) override {
    std::string text;
    if (usage_) {
      Json json = head(answer);
      json["usage"] = openai_usage(answer);
      text = sse(json);
    }
    return text + "data: [DONE]\n\n";
  }

  std::string failure(const Answer&, const Error& error) override { return openai_stream_failure(error); }

 private:
  static Json head(const Answer& answer) {
    return {{"id", "cmpl-" + answer.id},
            {"object", "text_completion"},
            {"created", answer.created},
            {"model", answer.model},
            {"choices", Json::array()}};
  }

  std::string chunk(const Answer& answer, int choice, const std::string& text, Json logprobs = nullptr,
                    Json reason = nullptr) const {
    Json json = head(answer);
    json["choices"].push_back(
        {{"index", choice}, {"text", text}, {"logprobs", std::move(logprobs)}, {"finish_reason", std::move(reason)}});
    if (usage_) json["usage"] = nullptr;
    return sse(json);
  }

  const bool usage_, stats_, logprobs_;
  const std::string echo_;
};

/// A string, a list of token ids, or a list with one of these.
void read_prompt(JsonFields& fields, AnswerRequest& request) {
  const Json* prompt = fields.find("prompt");
  if (prompt == nullptr) throw ApiError(400, "\"prompt\" is required", "prompt", "missing_required_parameter");
  const Json& one =
      prompt->is_array() && prompt->size() == 1 && !prompt->front().is_number() ? prompt->front() : *prompt;
  if (one.is_string()) {
    request.text = one.get<std::string>();
  } else if (is_token_list(one)) {
    request.tokens = one.get<std::vector<TokenId>>();
  } else {
    throw ApiError(400, "'prompt' must be a string or a list of token ids; send one request per prompt", "prompt",
                   "invalid_value");
  }
}

}  // namespace

void openai_completion(ServerParts& parts, Exchange exchange, bool with_stats) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  AnswerRequest request;
  request.load.model = fields.text("model").value_or("");
  read_prompt(fields, request);
  read_sampling_fields(fields, request);
  read_load_fields(fields, request);
  read_most_tokens(fields, request.request);
  read_answer_shape(fields, request);
  request.choices = int(fields.integer("n", 1, 64).value_or(1));
  if (const auto count = fields.integer("logprobs", 0, 20)) request.request.sampling.logprobs = int32_t(*count);
  const std::string echo = fields.flag("echo").value_or(false) ? request.text : "";
  const bool stream = fields.flag("stream").value_or(false);
  const bool usage = wants_usage(fields);
  auto writer = std::make_unique<CompletionWriter>(usage, with_stats, request.request.sampling.logprobs >= 0, echo);
  parts.answers.answer(std::move(exchange), std::move(request), std::move(writer), stream, openai_error);
}

}  // namespace vivace
