// Timed prefill and decode of a loaded model, below the engine: what `vivace bench` and the GPU check print.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/step.h"
#include "models/model_card.h"

namespace vivace {

/// What one measurement feeds.
struct SpeedRun {
  int32_t tokens = 0;   // of each sequence
  int32_t depth = 0;    // tokens in each sequence's context before the time is taken
  int32_t streams = 1;  // sequences side by side
  int32_t step = 1;     // most tokens of a sequence in a step; 1: decode
};

/// Tokens per second of all streams together.
struct Rates {
  double median = 0, mean = 0, min = 0, max = 0;
};

/// Warms up once, then takes the time `repeat` times; no tokens give no rates. `before_step` is called before each step
/// and may throw to end the measurement.
Rates measure_speed(StepRunner& runner, const ModelCard& card, const SpeedRun& run, int64_t repeat,
                    const std::function<void()>& before_step = {});

/// The time of one run without a warm-up, in seconds; filling up to its depth is not part of it.
double time_run(StepRunner& runner, const ModelCard& card, const SpeedRun& run,
                const std::function<void()>& before_step = {});

}  // namespace vivace
