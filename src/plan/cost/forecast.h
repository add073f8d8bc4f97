// What a plan's speed will be, at the loads that users ask about.
#pragma once

#include <span>
#include <vector>

#include "plan/cost/predict.h"
#include "plan/plan.h"

namespace vivace {

struct DecodeForecast {
  int32_t streams = 1;
  int32_t depth = 0;
  double tokens_per_second = 0;  // of all streams together
};

/// Speed measured over speed predicted, by runs of this very model on this machine.
struct SpeedCorrection {
  int32_t runs = 0;  // 0: none yet
  double prefill = 1;
  double decode = 1;   // one stream
  double streams = 1;  // several
};

struct Forecast {
  int32_t prompt = 0;  // tokens
  double prefill_tokens_per_second = 0;
  double time_to_first_token = 0;       // seconds, of that prompt
  double decode_tokens_per_second = 0;  // one stream, empty context
  std::vector<DecodeForecast> decode;   // one stream at depth 0, half and full context; then more streams
  StepTime token;                       // where the seconds of one token go, at an empty context
  StepTime prompt_time;                 // and those of the prompt
  double disk_share = 0;                // of the weights, that is read from the disk for every token
  bool measured = false;                // every device's speed was measured here
  SpeedCorrection correction;           // that the rates hold already; where the seconds go is without it
};

struct ForecastOptions {
  int32_t prompt = 512;
  double disk_bytes_per_second = 2e9;     // an SSD's, where weights don't fit in memory
  std::vector<DeviceSpeed> guesses = {};  // for devices of whose speed nothing is known; the plan doesn't look at them
  SpeedCorrection correction = {};        // taken where every device's speed was measured
};

/// Nothing where the speed of a device is not known.
std::optional<Forecast> make_forecast(const ModelCard& card, const Plan& plan, std::span<Device* const> devices,
                                      const HostFacts& host, const ForecastOptions& options);

}  // namespace vivace
