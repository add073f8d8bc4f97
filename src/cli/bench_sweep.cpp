#include "cli/bench_sweep.h"

#include <algorithm>

#include "advise/plan_sweep.h"
#include "base/json.h"
#include "cli/console.h"
#include "cli/interrupt.h"
#include "cli/progress_bar.h"
#include "cli/text_format.h"
#include "models/model_file.h"

namespace vivace {
namespace {

double highest(const SweepResult& sweep, Measurement Speeds::*which) {
  double most = 0;
  for (const SweepPoint& point : sweep.points) most = std::max(most, (point.speeds.*which).rates.median);
  return most;
}

}  // namespace

SweepResult sweep_gpu_layers(const std::filesystem::path& path, const MachineOptions& machine_options,
                             const Wishes& wishes, const Speeds& speeds, int32_t points, Context& context) {
  Machine machine(machine_options);
  SweepResult sweep;
  sweep.layers = int32_t(read_model_card(open_model_file(path)).layers.size());
  const std::vector<int32_t> counts = evenly_spread(sweep.layers, points);
  ProgressBar bar(context.console, "measuring", ProgressBar::Unit::kCount);
  for (size_t i = 0; i < counts.size(); ++i) {
    bar.update(i, counts.size());
    throw_if_interrupted();
    SweepPoint point{counts[i], speeds, {}};
    Wishes wish = wishes;
    wish.gpu_layers.emplace();
    wish.gpu_layers->count = counts[i];
    try {
      GgufFile file = open_model_file(path);
      ModelCard card = read_model_card(file);
      ModelSource source(std::move(file), std::move(card), machine.devices(), machine.host(), machine.pool(), wish);
      source.load([](size_t, size_t) { return !interrupted(); });
      point.gpu_layers = gpu_layers_of(source.plan(), source.devices());
      point.speeds.measure(source);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kOutOfMemory) throw;
      point.refusal = error.what();
    }
    sweep.points.push_back(std::move(point));
  }
  bar.update(counts.size(), counts.size());
  return sweep;
}

Json sweep_json(const SweepResult& sweep) {
  Json points = Json::array();
  for (const SweepPoint& point : sweep.points) {
    Json json = {{"gpu_layers", point.gpu_layers}};
    if (!point.refusal.empty()) {
      json["refusal"] = point.refusal;
    } else {
      json["prefill"] = measurement_json(point.speeds.prefill);
      json["decode"] = measurement_json(point.speeds.decode);
    }
    points.push_back(std::move(json));
  }
  return {{"lever", "gpu-layers"}, {"layers", sweep.layers}, {"points", points}};
}

std::string sweep_text(const SweepResult& sweep) {
  using Align = TextTable::Align;
  TextTable table({Align::kRight, Align::kRight, Align::kLeft, Align::kRight, Align::kLeft});
  const double prefill = highest(sweep, &Speeds::prefill), decode = highest(sweep, &Speeds::decode);
  table.add({"GPU layers", "prefill t/s", "", "decode t/s", ""});
  for (const SweepPoint& point : sweep.points) {
    const std::string layers = std::to_string(point.gpu_layers);
    if (!point.refusal.empty()) {
      table.add({layers, "does not fit", "", "", ""});
      continue;
    }
    std::vector<std::string> row{layers};
    for (const auto& [rate, most] :
         {std::pair(point.speeds.prefill.rates.median, prefill), std::pair(point.speeds.decode.rates.median, decode)}) {
      row.push_back(most > 0 ? fixed_text(rate, 1) : "");
      row.push_back(most > 0 ? bar_text(rate / most) : "");
    }
    table.add(row);
  }
  return table.text();
}

}  // namespace vivace
