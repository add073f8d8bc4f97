// Which device holds what: indices into the engine's device list. Made by the planner, executed by the decoder.
#pragma once

#include <cstdint>
#include <vector>

namespace vivace {

struct Placement {
  int32_t embedding = 0;
  std::vector<int32_t> layers;  // [layers]
  int32_t output = 0;           // final norm and logits
};

}  // namespace vivace
