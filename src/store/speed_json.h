// DeviceSpeed as JSON and back.
#pragma once

#include "base/json_fwd.h"
#include "plan/cost/device_speed.h"

namespace vivace {

Json speed_json(const DeviceSpeed& speed);

/// Throws Error kInvalidFile for what speed_json() does not write: missing fields, unknown formats, numbers that are
/// not finite or negative.
DeviceSpeed parse_speed_json(const Json& json);

}  // namespace vivace
