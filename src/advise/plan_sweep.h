// The forecast at many values of one lever, the others as wished.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "advise/plan_answer.h"
#include "base/json_fwd.h"

namespace vivace {

struct PlanSweepPoint {
  int32_t value = 0;
  std::string refusal;  // why it can't be; empty: it can
  double prefill_tokens_per_second = 0;
  double decode_tokens_per_second = 0;  // all streams together; of a sweep over contexts, where the context is full
  std::vector<std::pair<std::string, size_t>> memory;  // bytes by device
};

struct PlanSweep {
  std::string lever;
  std::vector<PlanSweepPoint> points;
};

/// "gpu-layers", "context-length", "batch-size", "parallel", "threads".
std::vector<std::string_view> sweep_levers();

/// At most so many different numbers from 0 to `last`, evenly spread.
std::vector<int32_t> evenly_spread(int32_t last, int32_t points);

/// Throws Error kInvalidArgument for an unknown lever or a machine without a GPU where GPU layers are swept.
PlanSweep sweep_plan(const ModelCard& card, std::span<Device* const> devices, const HostFacts& host,
                     const Wishes& wishes, const ForecastOptions& options, std::string_view lever);

Json plan_sweep_json(const PlanSweep& sweep);

}  // namespace vivace
