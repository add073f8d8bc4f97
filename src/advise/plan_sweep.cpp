#include "advise/plan_sweep.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/json.h"

namespace vivace {
namespace {

std::vector<int32_t> doubling(int32_t first, int32_t last) {
  std::vector<int32_t> values;
  for (int32_t value = first; value < last; value *= 2) values.push_back(value);
  values.push_back(last);
  return values;
}

std::vector<int32_t> all_or_evenly(int32_t last, int32_t most) { return evenly_spread(last, std::min(last, most) + 1); }

/// A lever: the values to try, and how to wish for one.
struct Lever {
  std::string_view name;
  std::vector<int32_t> (*values)(const ModelCard& card, const HostFacts& host);
  void (*wish)(Wishes& wishes, int32_t value);
};

constexpr Lever kLevers[] = {
    {"gpu-layers",
     [](const ModelCard& card, const HostFacts&) { return all_or_evenly(int32_t(card.layers.size()), 40); },
     [](Wishes& w, int32_t value) {
       w.gpu_layers = LayerCount{LayerCount::Kind::kCount, value, 0};
     }},
    {"context-length",
     [](const ModelCard& card, const HostFacts&) { return doubling(512, std::max(512, card.context_length)); },
     [](Wishes& w, int32_t value) { w.context_length = value; }},
    {"batch-size", [](const ModelCard&, const HostFacts&) { return doubling(16, 4096); },
     [](Wishes& w, int32_t value) { w.batch_size = value; }},
    {"parallel", [](const ModelCard&, const HostFacts&) { return doubling(1, 32); },
     [](Wishes& w, int32_t value) { w.parallel = value; }},
    {"threads",
     [](const ModelCard&, const HostFacts& host) {
       return host.logical_cores <= 16 ? all_or_evenly(host.logical_cores, 16) : doubling(1, host.logical_cores);
     },
     [](Wishes& w, int32_t value) { w.threads = w.threads_prefill = value; }},
};

const Lever& find_lever(std::string_view name) {
  std::string known;
  for (const Lever& lever : kLevers) {
    if (lever.name == name) return lever;
    known += (known.empty() ? "" : ", ") + std::string(lever.name);
  }
  throw Error(ErrorCode::kInvalidArgument, "--sweep can't be '" + std::string(name) + "'", "it takes one of " + known);
}

}  // namespace

std::vector<int32_t> evenly_spread(int32_t last, int32_t points) {
  std::vector<int32_t> values;
  for (int32_t i = 0; i < points; ++i) {
    const int32_t value = int32_t(std::lround(double(last) * i / std::max(1, points - 1)));
    if (values.empty() || values.back() != value) values.push_back(value);
  }
  return values;
}

std::vector<std::string_view> sweep_levers() {
  std::vector<std::string_view> names;
  for (const Lever& lever : kLevers) names.push_back(lever.name);
  return names;
}

PlanSweep sweep_plan(const ModelCard& card, std::span<Device* const> devices, const HostFacts& host,
                     const Wishes& wishes, const ForecastOptions& options, std::string_view lever_name) {
  const Lever& lever = find_lever(lever_name);
  const bool has_gpu = std::any_of(devices.begin(), devices.end(),
                                   [](const Device* device) { return device->info().kind != DeviceKind::kCpu; });
  if (lever.name == "gpu-layers" && !has_gpu) {
    throw Error(ErrorCode::kInvalidArgument, "--sweep gpu-layers: there is no GPU here",
                "--hardware rtx-4090, for example, plans for one");
  }
  PlanSweep sweep{std::string(lever.name), {}};
  for (int32_t value : lever.values(card, host)) {
    if (value == 0 && lever.name != "gpu-layers") continue;
    PlanSweepPoint point;
    point.value = value;
    Wishes wish = wishes;
    lever.wish(wish, value);
    if (lever.name == "parallel") wish.batch_size = std::max(wish.batch_size.value_or(512), value);
    try {
      const Plan plan = make_plan(card, devices, host, wish);
      for (const MemoryLedger& ledger : plan.ledgers) point.memory.emplace_back(ledger.device, ledger.total());
      if (const auto forecast = make_forecast(card, plan, devices, host, options)) {
        point.prefill_tokens_per_second = forecast->prefill_tokens_per_second;
        point.decode_tokens_per_second = forecast->decode_tokens_per_second;
        if (lever.name == "context-length") point.decode_tokens_per_second = forecast->decode[2].tokens_per_second;
        if (lever.name == "parallel") point.decode_tokens_per_second = forecast->decode.back().tokens_per_second;
        if (lever.name == "parallel" && value == 1) point.decode_tokens_per_second = forecast->decode_tokens_per_second;
      }
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kOutOfMemory) throw;
      point.refusal = error.what();
    }
    sweep.points.push_back(std::move(point));
  }
  return sweep;
}

Json plan_sweep_json(const PlanSweep& sweep) {
  Json points = Json::array();
  for (const PlanSweepPoint& point : sweep.points) {
    Json json = {{"value", point.value}};
    if (!point.refusal.empty()) {
      json["refusal"] = point.refusal;
    } else {
      json["prefill_tokens_per_second"] = point.prefill_tokens_per_second;
      json["decode_tokens_per_second"] = point.decode_tokens_per_second;
      Json memory = Json::object();
      for (const auto& [device, bytes] : point.memory) memory[device] = bytes;
      json["memory_bytes"] = memory;
    }
    points.push_back(std::move(json));
  }
  return {{"lever", sweep.lever}, {"points", points}};
}

}  // namespace vivace
