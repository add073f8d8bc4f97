// Requests that arrive at a rate, whatever is still being answered: an engine under the load of many users.
#pragma once

#include <cstdint>
#include <functional>

#include "bench/spread.h"
#include "engine/engine.h"
#include "models/model_card.h"

namespace vivace {

struct ArrivalRun {
  double rate =
      0;  // requests per second, on average: the gaps between them are random (a Poisson process), always the same
  int32_t requests = 0;
  int32_t prompt = 0;    // tokens of each, no two prompts alike
  int32_t generate = 0;  // tokens of each answer
};

struct ArrivalResult {
  double seconds = 0;  // from the first arrival to the last answer's end
  int64_t generated = 0;
  Spread first;  // seconds from arrival to the first token
  Spread gaps;   // seconds between two tokens of an answer
  double tokens_per_second() const { return seconds > 0 ? static_cast<double>(generated) / seconds : 0; }
};

/// Sends the requests and waits for all answers. `look` is called all the while and may throw to end the measurement:
/// the engine then still has requests. Throws the Error of a request that fails.
ArrivalResult measure_arrivals(Engine& engine, const ModelCard& card, const ArrivalRun& run,
                               const std::function<void()>& look = {});

}  // namespace vivace
