// POST /v1/chat/completions
#include "base/utf8.h"
#include "server/dialects/openai_common.h"
#include "text/tokenizer/tokenizer.h"

namespace vivace {
namespace {

Json logprob_json(const Tokenizer& tokenizer, TokenId id, float logprob) {
  const std::string piece = tokenizer.piece(id, true);
  Json bytes = Json::array();
  for (char c : piece) bytes.push_back(int(uint8_t(c)));
  return {{"token", replace_invalid_utf8(piece)}, {"logprob", logprob}, {"bytes", std::move(bytes)}};
}

Json token_logprobs(const Answer& answer, const TokenEvent& token) {
  Json entry = logprob_json(*answer.tokenizer, token.id, token.logprob);
  entry["top_logprobs"] = Json::array();
  for (const TokenLogprob& other : token.top) {
    entry["top_logprobs"].push_back(logprob_json(*answer.tokenizer, other.id, other.logprob));
  }
  return entry;
}

class ChatWriter : public AnswerWriter {
 public:
  ChatWriter(bool usage, bool stats, bool logprobs) : usage_(usage), stats_(stats), logprobs_(logprobs) {}

  Json whole(const Answer& answer) override {
    Json json = head(answer, "chat.completion");
    for (size_t i = 0; i < answer.choices.size(); ++i) {
      const AnswerChoice& choice = answer.choices[i];
      Json message = {{"role", "assistant"}, {"content", choice.content}};
      if (!choice.reasoning.empty()) message["reasoning_content"] = choice.reasoning;
      if (!choice.calls.empty()) {
        if (choice.content.empty()) message["content"] = nullptr;
        for (const ToolCall& call : choice.calls) message["tool_calls"].push_back(call_json(call, call.arguments));
      }
      Json told = {{"index", i}, {"message", std::move(message)}, {"logprobs", nullptr}};
      if (logprobs_) {
        Json content = Json::array();
        for (const TokenEvent& token : choice.tokens) content.push_back(token_logprobs(answer, token));
        told["logprobs"] = {{"content", std::move(content)}, {"refusal", nullptr}};
      }
      told["finish_reason"] = openai_finish_reason(choice);
      json["choices"].push_back(std::move(told));
    }
    json["usage"] = openai_usage(answer);
    json["system_fingerprint"] = answer.instance;
    if (stats_) add_lmstudio_v0(answer, json);
    return json;
  }

  std::string begin(const Answer& answer) override {
    std::string text;
    for (size_t i = 0; i < answer.choices.size(); ++i) {
      text += chunk(answer, int(i), {{"role", "assistant"}, {"content", ""}});
    }
    return text;
  }

  std::string delta(const Answer& answer, const AnswerDelta& delta) override {
    std::string text;
    Json logprobs = nullptr;
    if (logprobs_ && delta.token != nullptr) {
      logprobs = {{"content", Json::array({token_logprobs(answer, *delta.token)})}, {"refusal", nullptr}};
    }
    if (delta.parts.empty()) return chunk(answer, delta.choice, {{"content", ""}}, logprobs);
    for (const AnswerPart& part : delta.parts) {
      const Json told = part_json(answer, delta.choice, part);
      if (!told.is_null()) text += chunk(answer, delta.choice, told, std::exchange(logprobs, nullptr));
    }
    return text;
  }

  std::string choice_end(const Answer& answer, int choice) override {
    return chunk(answer, choice, Json::object(), nullptr, openai_finish_reason(answer.choices[size_t(choice)]));
  }

  std::string end(const Answer& answer) override {
    std::string text;
    if (usage_) {
      Json json = head(answer, "chat.completion.chunk");
      json["usage"] = openai_usage(answer);
      if (stats_) add_lmstudio_v0(answer, json);
      text = sse(json);
    }
    return text + "data: [DONE]\n\n";
  }

  std::string failure(const Answer&, const Error& error) override { return openai_stream_failure(error); }

 private:
  static Json call_json(const ToolCall& call, const std::string& arguments) {
    return {{"id", openai_call_id(call)},
            {"type", "function"},
            {"function", {{"name", call.name}, {"arguments", arguments}}}};
  }

  static Json part_json(const Answer& answer, int choice, const AnswerPart& part) {
    switch (part.kind) {
      case AnswerPart::Kind::kContent:
        return {{"content", part.text}};
      case AnswerPart::Kind::kReasoning:
        return {{"reasoning_content", part.text}};
      case AnswerPart::Kind::kCallBegin: {
        Json call = {{"index", part.call}};
        call.update(call_json(answer.choices[size_t(choice)].calls[size_t(part.call)], ""));
        return {{"tool_calls", Json::array({std::move(call)})}};
      }
      case AnswerPart::Kind::kCallArguments:
        return {{"tool_calls", Json::array({{{"index", part.call}, {"function", {{"arguments", part.text}}}}})}};
      case AnswerPart::Kind::kCallEnd:
        return nullptr;
    }
    return nullptr;
  }

  static Json head(const Answer& answer, const char* object) {
    return {{"id", "chatcmpl-" + answer.id},
            {"object", object},
            {"created", answer.created},
            {"model", answer.model},
            {"choices", Json::array()}};
  }

  std::string chunk(const Answer& answer, int choice, Json delta, Json logprobs = nullptr,
                    Json reason = nullptr) const {
    Json json = head(answer, "chat.completion.chunk");
    json["system_fingerprint"] = answer.instance;
    json["choices"].push_back({{"index", choice},
                               {"delta", std::move(delta)},
                               {"logprobs", std::move(logprobs)},
                               {"finish_reason", std::move(reason)}});
    if (usage_) json["usage"] = nullptr;
    return sse(json);
  }

  const bool usage_, stats_, logprobs_;
};

}  // namespace

void openai_chat(ServerParts& parts, Exchange exchange, bool with_stats) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  AnswerRequest request = openai_chat_request(fields);
  const bool stream = fields.flag("stream").value_or(false);
  const bool usage = wants_usage(fields);
  auto writer = std::make_unique<ChatWriter>(usage, with_stats, request.request.sampling.logprobs >= 0);
  parts.answers.answer(std::move(exchange), std::move(request), std::move(writer), stream, openai_error);
}

}  // namespace vivace
