// How a model's KV cache is cut into groups of layers with one policy on one device. Pure; the planner counts bytes
// with it, the engine makes page pools from it.
#pragma once

#include <cstdint>
#include <vector>

#include "device/kv_view.h"
#include "models/model_card.h"
#include "models/placement.h"

namespace vivace {

struct KvGroup {
  int32_t device = 0;
  bool in_host = false;   // its pages lie in host memory, whatever the device
  int32_t window = 0;     // positions still needed behind the newest; 0: all
  size_t page_bytes = 0;  // kPageTokens positions of all layers of the group
  std::vector<int32_t> layers;
};

struct KvLayout {
  std::vector<KvGroup> groups;
  std::vector<KvLayer> layers;  // [layers]; slabs are set by the engine
};

/// Groups the layers by (device, window). `format`: F32, F16, Q8_0 or Q4_0; the last two need head widths that are
/// multiples of 32, else Error kUnsupported.
KvLayout make_kv_layout(const ModelCard& card, const Placement& placement, Format format);

/// Pages of a group that a sequence of `tokens` positions holds at once, when at most `batch` tokens are added a step.
int64_t kv_pages_needed(const KvGroup& group, int64_t tokens, int64_t batch);

}  // namespace vivace
