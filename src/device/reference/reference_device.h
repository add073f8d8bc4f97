// The scalar oracle: every operation in plain f32, one output at a time, in the order of the formulas. Other backends
// are checked against it; it is also the device of last resort.
#pragma once

#include <memory>
#include <string>

#include "device/device.h"

namespace vivace {

/// A device that executes each call at once on the calling thread. All formats and layouts, KV in F32, F16, Q8_0 and
/// Q4_0; no prepared activations. The bits of a token's result depend only on its history. Calls that fail leave the
/// error to Stream::sync, and calls after it are skipped until then.
std::unique_ptr<Device> make_reference_device(std::string id = "reference");

}  // namespace vivace
