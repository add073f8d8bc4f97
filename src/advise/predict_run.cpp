#include "advise/predict_run.h"

#include "plan/cost/predict.h"

namespace vivace {

PredictedRates predict_rates(const ModelCard& card, const Plan& plan, std::span<Device* const> devices,
                             const HostFacts& host, const RunShape& prefill, const RunShape& decode) {
  const auto setting = [&](const std::vector<DeviceSpeed>& speeds) {
    return StepSetting{card, plan.placement, plan.kv_format, speeds};
  };
  const std::vector<DeviceSpeed> prefill_speeds = speeds_of(host, devices, plan.threads_prefill);
  const std::vector<DeviceSpeed> decode_speeds = speeds_of(host, devices, plan.threads);
  if (prefill_speeds.empty() || decode_speeds.empty()) return {};
  PredictedRates rates;
  if (prefill.tokens > 0) {
    rates.prefill = prefill.tokens /
                    predict_prefill(setting(prefill_speeds), prefill.tokens, prefill.depth, plan.limits.tokens).total();
  }
  if (decode.tokens > 0) {
    rates.decode = predict_decode_rate(setting(decode_speeds), decode.streams, decode.depth + decode.tokens / 2);
  }
  return rates;
}

}  // namespace vivace
