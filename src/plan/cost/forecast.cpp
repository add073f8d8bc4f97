#include "plan/cost/forecast.h"

#include <algorithm>

namespace vivace {
namespace {

/// Of weights that stay in the file: what memory has no room for. The first device is the host.
double share_from_disk(const Plan& plan) {
  if (plan.ledgers.empty() || plan.ledgers[0].mapped == 0 || plan.ledgers[0].usable == 0) return 0;
  const MemoryLedger& host = plan.ledgers[0];
  const double all = double(host.total()) + double(host.mapped);
  return std::clamp((all - double(host.usable)) / double(host.mapped), 0.0, 1.0);
}

/// 1, 2, 4, … and the plan's own number.
std::vector<int32_t> stream_counts(int32_t parallel) {
  std::vector<int32_t> counts;
  for (int32_t count = 2; count < parallel; count *= 2) counts.push_back(count);
  if (parallel > 1) counts.push_back(parallel);
  return counts;
}

/// What is known of the devices, and guesses for the others.
HostFacts with_guesses(HostFacts host, std::span<const DeviceSpeed> guesses) {
  for (const DeviceSpeed& guess : guesses) {
    const bool known = std::any_of(host.speeds.begin(), host.speeds.end(),
                                   [&](const DeviceSpeed& speed) { return speed.device == guess.device; });
    if (!known) host.speeds.push_back(guess);
  }
  return host;
}

void correct(Forecast& forecast, const SpeedCorrection& correction) {
  forecast.correction = correction;
  forecast.prefill_tokens_per_second *= correction.prefill;
  forecast.time_to_first_token /= correction.prefill;
  forecast.decode_tokens_per_second *= correction.decode;
  for (DecodeForecast& point : forecast.decode) {
    point.tokens_per_second *= point.streams > 1 ? correction.streams : correction.decode;
  }
}

}  // namespace

std::optional<Forecast> make_forecast(const ModelCard& card, const Plan& plan, std::span<Device* const> devices,
                                      const HostFacts& known, const ForecastOptions& options) {
  const HostFacts host = with_guesses(known, options.guesses);
  const std::vector<DeviceSpeed> decode = speeds_of(host, devices, plan.threads);
  const std::vector<DeviceSpeed> prefill = speeds_of(host, devices, plan.threads_prefill);
  if (decode.empty()) return std::nullopt;
  Forecast forecast;
  forecast.disk_share = share_from_disk(plan);
  StepSetting setting{card, plan.placement, plan.kv_format, decode, forecast.disk_share, options.disk_bytes_per_second};
  forecast.token = predict_step(setting, {});
  forecast.decode_tokens_per_second = predict_decode_rate(setting, 1, 0);
  for (int32_t depth : {0, plan.context_length / 2, plan.context_length - 1}) {
    forecast.decode.push_back({1, depth, predict_decode_rate(setting, 1, depth)});
  }
  for (int32_t streams : stream_counts(plan.parallel)) {
    forecast.decode.push_back({streams, 0, predict_decode_rate(setting, streams, 0)});
  }
  setting.speeds = prefill;
  forecast.prompt = std::clamp(options.prompt, 1, plan.context_length);
  forecast.prompt_time = predict_prefill(setting, forecast.prompt, 0, plan.limits.tokens);
  const double seconds = forecast.prompt_time.total();
  forecast.time_to_first_token = seconds;
  forecast.prefill_tokens_per_second = seconds > 0 ? forecast.prompt / seconds : 0;
  forecast.measured = std::all_of(decode.begin(), decode.end(), [](const DeviceSpeed& s) { return s.measured; });
  if (forecast.measured) correct(forecast, options.correction);
  return forecast;
}

}  // namespace vivace
