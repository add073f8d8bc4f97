// Speed against a lever: the model is loaded and measured at each of several values.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "cli/command.h"
#include "cli/measurement.h"
#include "engine/machine.h"

namespace vivace {

struct SweepPoint {
  int32_t gpu_layers = 0;
  Speeds speeds;
  std::string refusal;  // why it could not be loaded; else empty
};

struct SweepResult {
  int32_t layers = 0;  // of the model
  std::vector<SweepPoint> points;
};

/// About `points` numbers of GPU layers from 0 to all of them, evenly apart. What does not fit is a point with a
/// refusal.
SweepResult sweep_gpu_layers(const std::filesystem::path& path, const MachineOptions& machine, const Wishes& wishes,
                             const Speeds& speeds, int32_t points, Context& context);

/// {"lever": "gpu-layers", "layers", "points": [{"gpu_layers", "prefill", "decode"} or {"gpu_layers", "refusal"}]}
Json sweep_json(const SweepResult& sweep);
/// A table, with a bar for each speed.
std::string sweep_text(const SweepResult& sweep);

}  // namespace vivace
