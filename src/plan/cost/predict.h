// From a placement and the devices' speeds to the time of a step: tokens per second before anything is loaded.
#pragma once

#include <span>
#include <vector>

#include "models/model_card.h"
#include "models/placement.h"
#include "plan/cost/device_speed.h"

namespace vivace {

/// What a step computes: in each of `streams` sequences, which hold `depth` tokens already, `tokens` more.
struct StepLoad {
  double tokens = 1;
  double streams = 1;
  double depth = 0;
  double outputs = 1;  // rows of logits, of all streams
};

/// The decisions that a step's time depends on.
struct StepSetting {
  const ModelCard& card;
  const Placement& placement;
  Format kv_format = Format::kF16;
  std::span<const DeviceSpeed> speeds;  // [devices], by the placement's indices; threads already chosen
  // Of the weights on a device, the share that has to come from the disk in every step, and its bytes/s.
  double disk_share = 0;
  double disk_bytes_per_second = 0;
};

/// Seconds of one step, and where they go.
struct StepTime {
  double weights = 0;  // matrix products
  double attention = 0;
  double between = 0;  // everything else that computes
  double hops = 0;     // what crosses between devices
  double disk = 0;
  double total() const { return weights + attention + between + hops + disk; }
  StepTime& operator+=(const StepTime& other);
};

StepTime predict_step(const StepSetting& setting, const StepLoad& load);

/// Reading a prompt of `tokens` into a context that holds `depth`, `batch` tokens a step, logits for the last.
StepTime predict_prefill(const StepSetting& setting, int32_t tokens, int32_t depth, int32_t batch);

/// Tokens per second of all streams together, at that depth.
double predict_decode_rate(const StepSetting& setting, int32_t streams, int32_t depth);

/// Bytes that one decoded token of one stream reads: weights, and the KV cache at that depth.
double bytes_per_token(const ModelCard& card, Format kv_format, double depth);

}  // namespace vivace
