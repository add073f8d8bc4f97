// A plan for programs.
#pragma once

#include <span>
#include <string>

#include "base/json_fwd.h"
#include "device/device.h"
#include "plan/plan.h"

namespace vivace {

/// The settings that were chosen, placement, memory and why.
Json plan_json(const Plan& plan, std::span<Device* const> devices);

/// "f16": a KV format as its option spells it.
std::string kv_type_name(Format format);

/// Layers of the plan on a device, and whether it has any part in it.
int32_t layers_on(const Plan& plan, size_t device);
bool is_used(const Plan& plan, size_t device);

}  // namespace vivace
