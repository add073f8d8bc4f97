// THE forward pass of every architecture: embed, layers, logits, over segments of one device each.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "device/device.h"
#include "models/kv_layout.h"
#include "models/model_card.h"
#include "models/model_weights.h"
#include "models/placement.h"

namespace vivace {

/// Activation memory the decoder takes on one device, in bytes. The planner's ledger and the decoder use the same rule.
size_t activation_bytes(const ModelCard& card, const Device& device, const StepLimits& limits, bool holds_output);

/// Host memory beside it through which the hidden state and the logits of a device with memory of its own go.
size_t staging_bytes(const ModelCard& card, const StepLimits& limits, bool holds_output);

/// What a step computes for its output rows.
enum class StepResult : uint8_t {
  kLogits,
  kHidden,  // the hidden state behind the last norm
};

/// Const weights, one step at a time. Not thread-safe: one Decoder, one thread.
class Decoder {
 public:
  /// `devices` is indexed by the placement; `inputs`, `weights` and `devices` must outlive the decoder.
  Decoder(const ModelCard& card, const ModelWeights& weights, const KvLayout& kv, const Placement& placement,
          std::span<Device* const> devices, const StepInputs& inputs);
  ~Decoder();

  /// Runs one step over the current inputs: writes their keys and values, computes the result of the output rows.
  /// Blocks until the results are there. Throws DeviceError.
  void forward(StepResult result = StepResult::kLogits);

  /// Hidden state of output row `index` of the last step, which computed that: [embedding].
  std::span<const float> hidden(int32_t index) const;
  /// Logits of output row `index` of the last step: [vocabulary].
  std::span<const float> logits(int32_t index) const;

  void set_threads(int32_t threads);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vivace
