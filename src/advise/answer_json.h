// The whole answer of a plan for programs: what `vivace plan --json` prints.
#pragma once

#include <span>
#include <string>

#include "advise/plan_answer.h"
#include "base/json_fwd.h"

namespace vivace {

/// Where the speeds come from: "measured", "catalogue" or "estimate".
struct AnswerContext {
  std::string model;     // as the user named it
  std::string hardware;  // "this machine", or the catalogue's names
  std::string basis;
  std::span<Device* const> devices;
};

/// {"model", "hardware", "fits", the fields of plan_json(), "predicted": {"prefill_tokens_per_second",
/// "decode_tokens_per_second", "time_to_first_token_seconds", "decode": […], …}, "reasons", …}
Json answer_json(const ModelCard& card, const PlanAnswer& answer, const AnswerContext& context);

Json forecast_json(const Forecast& forecast, const std::string& basis);

/// A sentence on each thing that decides the speed: bytes of a token, and where its time goes.
std::vector<std::string> speed_reasons(const ModelCard& card, const PlanAnswer& answer, const AnswerContext& context);

}  // namespace vivace
