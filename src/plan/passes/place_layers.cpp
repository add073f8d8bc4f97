#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "plan/passes/passes.h"

namespace vivace {

void place_layers(PlanState& state) {
  Placement& placement = state.plan.placement;
  const int32_t layers = int32_t(state.card.layers.size());
  const std::vector<int32_t>& split = state.wishes.layer_split;
  placement = {};
  if (split.empty()) {
    placement.layers.assign(layers, 0);
    state.plan.reasons.push_back("placement: all " + std::to_string(layers) + " layers on " +
                                 state.devices[0]->info().id);
    return;
  }
  const bool wrong = std::any_of(split.begin(), split.end(), [](int32_t count) { return count < 0 || count > 65536; });
  if (wrong || split.size() > state.devices.size() || std::accumulate(split.begin(), split.end(), 0) != layers) {
    throw Error(ErrorCode::kInvalidArgument, "the layer split must name at most " +
                                                 std::to_string(state.devices.size()) + " devices and add up to " +
                                                 std::to_string(layers) + " layers");
  }
  for (size_t device = 0; device < split.size(); ++device) {
    placement.layers.insert(placement.layers.end(), size_t(split[device]), int32_t(device));
  }
  placement.embedding = placement.layers.front();
  placement.output = placement.layers.back();
}

}  // namespace vivace
