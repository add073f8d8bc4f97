#include "advise/seen_speed.h"

#include <algorithm>
#include <vector>

#include "base/json.h"

namespace vivace {
namespace {

constexpr double kMostOff = 2;

/// Measured over predicted; nothing where a run lacks one of them.
void add_ratio(const Json& run, const char* what, std::vector<double>& ratios) {
  const double predicted = run.at(what).at("predicted").get<double>(),
               measured = run.at(what).at("measured").get<double>();
  if (predicted > 0 && measured > 0) ratios.push_back(measured / predicted);
}

double median_of(std::vector<double> ratios) {
  if (ratios.empty()) return 1;
  std::sort(ratios.begin(), ratios.end());
  const double median = (ratios[(ratios.size() - 1) / 2] + ratios[ratios.size() / 2]) / 2;
  return std::clamp(median, 1 / kMostOff, kMostOff);
}

}  // namespace

Json seen_speed_json(const PredictedRates& predicted, const PredictedRates& measured, int32_t streams) {
  return {{"streams", streams},
          {"prefill", {{"predicted", predicted.prefill}, {"measured", measured.prefill}}},
          {"decode", {{"predicted", predicted.decode}, {"measured", measured.decode}}}};
}

SpeedCorrection correction_of(std::span<const Json> newest) {
  SpeedCorrection correction;
  std::vector<double> prefill, decode, streams;
  for (const Json& run : newest) {
    try {
      add_ratio(run, "decode", run.at("streams").get<int32_t>() > 1 ? streams : decode);
      add_ratio(run, "prefill", prefill);
      ++correction.runs;
    } catch (const Json::exception&) {
      continue;
    }
  }
  correction.prefill = median_of(std::move(prefill));
  correction.decode = median_of(std::move(decode));
  correction.streams = median_of(std::move(streams));
  return correction;
}

}  // namespace vivace
