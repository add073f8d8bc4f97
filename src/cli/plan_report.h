// A plan for people.
#pragma once

#include <span>
#include <string>

#include "device/device.h"
#include "plan/plan.h"

namespace vivace {

/// Label and text of each line of a summary: model, device, threads, context, KV cache, batch, memory; the plan's
/// reasons too where wanted.
std::vector<std::pair<std::string, std::string>> plan_lines(const ModelCard& card, const Plan& plan,
                                                            std::span<Device* const> devices, bool reasons);

}  // namespace vivace
