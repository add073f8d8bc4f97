#include "advise/answer_json.h"

#include <cmath>

#include "advise/plan_json.h"
#include "base/json.h"
#include "base/number_text.h"

namespace vivace {
namespace {

Json step_json(const StepTime& time) {
  return {{"weights", time.weights},
          {"attention", time.attention},
          {"between", time.between},
          {"hops", time.hops},
          {"disk", time.disk}};
}

Json model_json(const ModelCard& card, const AnswerContext& context) {
  return {{"name", context.model},
          {"title", card.name},
          {"architecture", card.architecture},
          {"quantisation", card.file_type},
          {"parameters", card.parameters()},
          {"weight_bytes", card.weight_bytes()},
          {"layers", card.layers.size()},
          {"trained_context_length", card.context_length},
          {"runnable", card.not_runnable.empty()},
          {"not_runnable_because", card.not_runnable.empty() ? Json() : Json(card.not_runnable)}};
}

/// ", corrected by 3 runs of the model here: prefill × 0.95, decode × 1.02".
std::string correction_text(const SpeedCorrection& correction) {
  if (correction.runs == 0) return "";
  std::string factors;
  const auto add = [&](const char* what, double factor) {
    if (factor != 1) factors += (factors.empty() ? ": " : ", ") + std::string(what) + " × " + fixed_text(factor, 2);
  };
  add("prefill", correction.prefill);
  add("decode", correction.decode);
  add("several streams", correction.streams);
  const std::string runs = correction.runs == 1 ? "one run" : std::to_string(correction.runs) + " runs";
  return ", corrected by " + runs + " of the model here" + factors;
}

}  // namespace

Json forecast_json(const Forecast& forecast, const std::string& basis) {
  Json decode = Json::array();
  for (const DecodeForecast& point : forecast.decode) {
    decode.push_back(
        {{"streams", point.streams}, {"depth", point.depth}, {"tokens_per_second", point.tokens_per_second}});
  }
  return {{"basis", basis},
          {"prompt_tokens", forecast.prompt},
          {"prefill_tokens_per_second", forecast.prefill_tokens_per_second},
          {"decode_tokens_per_second", forecast.decode_tokens_per_second},
          {"time_to_first_token_seconds", forecast.time_to_first_token},
          {"decode", decode},
          {"seconds_of_a_token", step_json(forecast.token)},
          {"seconds_of_the_prompt", step_json(forecast.prompt_time)},
          {"share_from_disk", forecast.disk_share},
          {"correction",
           {{"runs", forecast.correction.runs},
            {"prefill", forecast.correction.prefill},
            {"decode", forecast.correction.decode},
            {"streams", forecast.correction.streams}}}};
}

std::vector<std::string> speed_reasons(const ModelCard& card, const PlanAnswer& answer, const AnswerContext& context) {
  std::vector<std::string> reasons;
  if (!card.not_runnable.empty()) {
    reasons.push_back("not runnable yet: " + card.not_runnable + "; sizes and speed are as if it were");
  }
  if (!answer.forecast) return reasons;
  const Forecast& forecast = *answer.forecast;
  const double bytes = bytes_per_token(card, answer.plan.kv_format, 0);
  std::string text = "decode: each token reads " + fixed_text(bytes / double(1 << 30), 1) + " GiB of weights";
  const double deep = bytes_per_token(card, answer.plan.kv_format, answer.plan.context_length) - bytes;
  text += ", and " + fixed_text(deep / double(1 << 20), 1) + " MiB of KV cache where the context is full";
  reasons.push_back(text);
  const double total = forecast.token.total();
  if (total > 0) {
    const auto share = [&](double seconds) { return std::to_string(std::lround(100 * seconds / total)) + " %"; };
    text = "of a token's time " + share(forecast.token.weights) + " goes to weights, " +
           share(forecast.token.attention + forecast.token.between) + " to attention and the rest";
    if (forecast.token.hops > 0.005 * total) text += ", " + share(forecast.token.hops) + " to the way between devices";
    if (forecast.token.disk > 0) text += ", " + share(forecast.token.disk) + " to the disk";
    reasons.push_back(text);
  }
  if (context.basis == "estimate") {
    reasons.push_back("speed: a rough estimate by the kind of processor; vivace hardware --measure makes it exact");
  } else if (context.basis == "catalogue") {
    reasons.push_back("speed: by the maker's figures and what programs reach of them (vivace catalog check)");
  } else {
    reasons.push_back("speed: by what was measured on this machine" + correction_text(forecast.correction));
  }
  return reasons;
}

Json answer_json(const ModelCard& card, const PlanAnswer& answer, const AnswerContext& context) {
  Json json = {{"model", model_json(card, context)}, {"hardware", context.hardware}, {"fits", answer.fits}};
  if (!answer.fits) {
    json["refusal"] = answer.refusal;
    json["hint"] = answer.hint;
    json["changes"] = answer.changes;
  }
  const Json plan = plan_json(answer.plan, context.devices);
  for (const auto& [key, value] : plan.items()) json[key] = value;
  json["predicted"] = answer.forecast ? forecast_json(*answer.forecast, context.basis) : Json();
  for (std::string& reason : speed_reasons(card, answer, context)) json["reasons"].push_back(std::move(reason));
  return json;
}

}  // namespace vivace
