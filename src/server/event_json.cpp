#include "server/event_json.h"

#include <algorithm>
#include <array>

namespace vivace {
namespace {

constexpr std::array kReasons = {FinishReason::kEnd,           FinishReason::kStopString, FinishReason::kMaxTokens,
                                 FinishReason::kContextLength, FinishReason::kCancelled,  FinishReason::kTimeLimit};

/// Runs `read`; what is missing there or of another type is a server's fault, not ours.
template <class Read>
auto read_of_server(const Read& read) {
  try {
    return read();
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kInvalidFile, std::string("the server's answer has another form: ") + error.what(),
                "is it of another version?");
  }
}

Json logprob_json(TokenId id, float logprob, const PieceOf& piece) {
  return {{"id", id}, {"text", piece(id)}, {"logprob", logprob}};
}

}  // namespace

Json finished_json(const Finished& finished) {
  const Usage& usage = finished.usage;
  const Timings& timings = finished.timings;
  return {{"finish_reason", finish_reason_name(finished.reason)},
          {"stop_string", finished.stop_string},
          {"usage",
           {{"prompt_tokens", usage.prompt_tokens},
            {"cached_tokens", usage.cached_tokens},
            {"generated_tokens", usage.generated_tokens}}},
          {"timings",
           {{"queue_seconds", timings.queue_seconds},
            {"prefill_seconds", timings.prefill_seconds},
            {"decode_seconds", timings.decode_seconds},
            {"prefill_tokens_per_second", timings.prefill_rate},
            {"decode_tokens_per_second", timings.decode_rate}}}};
}

Finished parse_finished_json(const Json& json) {
  return read_of_server([&] {
    Finished finished;
    const std::string reason = json.at("finish_reason").get<std::string>();
    const auto known = std::find_if(kReasons.begin(), kReasons.end(),
                                    [&](FinishReason one) { return finish_reason_name(one) == reason; });
    if (known != kReasons.end()) finished.reason = *known;
    finished.stop_string = json.at("stop_string").get<std::string>();
    const Json& usage = json.at("usage");
    finished.usage = {usage.at("prompt_tokens").get<int32_t>(), usage.at("cached_tokens").get<int32_t>(),
                      usage.at("generated_tokens").get<int32_t>()};
    const Json& timings = json.at("timings");
    const auto number = [&](const char* name) { return timings.at(name).get<double>(); };
    finished.timings = {number("queue_seconds"), number("prefill_seconds"), number("decode_seconds"),
                        number("prefill_tokens_per_second"), number("decode_tokens_per_second")};
    return finished;
  });
}

Json logprobs_json(const TokenEvent& token, const PieceOf& piece) {
  Json json = logprob_json(token.id, token.logprob, piece);
  json["top"] = Json::array();
  for (const TokenLogprob& other : token.top) json["top"].push_back(logprob_json(other.id, other.logprob, piece));
  return json;
}

void parse_logprobs_json(const Json& json, TokenEvent& token,
                         const std::function<void(TokenId, const std::string&)>& piece) {
  read_of_server([&] {
    const auto read = [&](const Json& one) {
      const TokenLogprob value{one.at("id").get<TokenId>(), one.at("logprob").get<float>()};
      piece(value.id, one.at("text").get<std::string>());
      return value;
    };
    token.logprob = read(json).logprob;
    for (const Json& other : json.at("top")) token.top.push_back(read(other));
  });
}

}  // namespace vivace
