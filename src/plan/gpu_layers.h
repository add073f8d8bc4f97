// The lever of layer offload, as a user writes it.
#pragma once

#include <cstdint>
#include <string_view>

namespace vivace {

/// How many of a model's layers go to GPUs.
struct GpuLayers {
  enum class Kind : uint8_t { kCount, kRatio };
  Kind kind = Kind::kCount;
  int32_t count = 0;
  double ratio = 0;  // 0 to 1

  /// Of a model with so many; a count may be larger than that.
  int32_t of(int32_t layers) const;
};

/// "12", a ratio with a point such as "0.5", or "max". Throws Error kInvalidArgument.
GpuLayers parse_gpu_layers(std::string_view text);

}  // namespace vivace
