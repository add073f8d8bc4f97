// The answer of a plan as one self-contained HTML page: memory of each device, and the speed against GPU layers,
// context and streams.
#pragma once

#include <string>

#include "advise/answer_json.h"

namespace vivace {

std::string plan_page(const ModelCard& card, const PlanAnswer& answer, const AnswerContext& context,
                      const HostFacts& host, const Wishes& wishes, const ForecastOptions& options);

}  // namespace vivace
