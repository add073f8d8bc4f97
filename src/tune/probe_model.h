// A small Llama made in memory, in which products take little of the time: what a step costs besides them shows.
#pragma once

#include <cstdint>
#include <vector>

#include "gguf/gguf.h"

namespace vivace {

struct ProbeShape {
  int32_t layers = 0;
  int32_t embedding = 0;
  int32_t heads = 0;  // each of 64 columns, as many for keys and values
  int32_t feed_forward = 0;
};

/// The bytes of the GGUF file, with matrices in Q8_0 and harmless values.
std::vector<uint8_t> make_probe_model(const ProbeShape& shape);

}  // namespace vivace
