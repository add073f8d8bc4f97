// The answer to "will it fit, and how fast?": a plan with its forecast. Where wishes can't be met, the nearest plan
// that can, and what it changes; nothing is lowered silently.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "plan/cost/forecast.h"
#include "plan/plan.h"

namespace vivace {

struct PlanAnswer {
  Plan plan;
  std::optional<Forecast> forecast;  // nothing where a device's speed is unknown
  bool fits = true;                  // as wished
  std::string refusal;               // why not, and what would help
  std::string hint;
  std::vector<std::string> changes;  // what the plan changes of the wishes, a sentence each
};

/// Plans by the wishes; where that is refused for memory, by the nearest ones that fit: fewer layers on GPUs, a smaller
/// KV cache, a shorter context, then weights that stay in the file and come from the disk. Throws what make_plan()
/// throws for wishes that are no good anywhere, and Error kOutOfMemory where not even the last of these fits.
PlanAnswer answer_plan(const ModelCard& card, std::span<Device* const> devices, const HostFacts& host,
                       const Wishes& wishes, const ForecastOptions& options);

}  // namespace vivace
