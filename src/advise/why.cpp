#include "advise/why.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "base/number_text.h"

namespace vivace {
namespace {

constexpr double kPageSeconds = 100e-6;  // of a page that comes from a disk, for those that the faults alone tell of
constexpr double kDiskRate = 2e9;        // bytes per second, of a usual SSD
constexpr double kWorthSaying = 0.02;    // of the time

std::string percent(double share) { return fixed_text(100 * share, 0) + " %"; }

/// Causes that follow from settings: what the prediction would be without them.
void explain_settings(const RunFacts& facts, std::vector<Cause>& causes) {
  const double time = 1 / facts.predicted;
  const auto add = [&](const char* name, double better, const std::string& evidence, const std::string& fix) {
    if (better > facts.predicted) causes.push_back({name, time - 1 / better, evidence, fix});
  };
  add("threads", facts.better.threads,
      std::to_string(facts.threads) + " threads, where " + std::to_string(facts.automatic_threads) +
          " are automatic here: the physical cores this process may use",
      "leave out --threads, or vivace tune");
  add("spill to the CPU", facts.better.spill,
      std::to_string(facts.layers - facts.gpu_layers) + " of " + std::to_string(facts.layers) +
          " layers are computed by the CPU, all or in part, which reads its memory far more slowly than the GPU",
      "vivace plan says at which context or KV format more layers fit; --kv-type q8_0, a smaller --context-length");
  add("generic kernels", facts.better.formats,
      facts.generic_formats + " has no kernel of its own here: its weights are unpacked to f32 at each use",
      "take the model in Q4_K_M, Q5_K_M, Q6_K, Q8_0 or another format with kernels");
  add("depth", facts.better.depth, "the KV cache of " + std::to_string(facts.depth) + " tokens is read for each token",
      "--kv-type q8_0 halves it; begin a new conversation");
}

/// Causes that the run's circumstances tell of. `extra`: seconds of each token beyond the prediction; returns what is
/// left of them.
double explain_circumstances(const RunFacts& facts, double extra, std::vector<Cause>& causes) {
  const double tokens = facts.wall > 0 ? facts.wall * facts.measured : 0, time = 1 / facts.predicted;
  if (tokens <= 0 || extra <= 0) return extra;
  const double capacity = facts.wall * std::max(1, facts.cpus);
  double left = extra;
  const auto add = [&](const char* name, double seconds, const std::string& evidence, const std::string& fix) {
    const double taken = std::min(seconds, left);
    if (taken <= 0) return;
    left -= taken;
    causes.push_back({name, taken, evidence, fix});
  };
  if (facts.swapped_pages > 0) {
    add("swap", double(facts.swapped_pages) * kPageSeconds / tokens,
        std::to_string(facts.swapped_pages) + " pages came back from swap during the run",
        "close other programs, a smaller --context-length, --kv-type q8_0, or a smaller quantisation");
  }
  if (facts.major_faults > 0 || facts.disk_bytes > 0) {
    const double seconds = std::max(double(facts.major_faults) * kPageSeconds, double(facts.disk_bytes) / kDiskRate);
    add("disk", seconds / tokens,
        fixed_text(double(facts.disk_bytes) / 1e6, 0) + " MB were read from the disk and " +
            std::to_string(facts.major_faults) + " page faults waited for it during the run",
        facts.mapped ? "leave out --mmap, or free memory so that the file stays cached"
                     : "free memory: vivace plan says how much the model needs");
  }
  // Two programs on one CPU halve each other's speed.
  const double others = std::min(0.95, (facts.other_cpu + facts.stolen) / capacity);
  if (others > 0.02) {
    const bool hypervisor = facts.stolen > facts.other_cpu;
    add("other load", time * others / (1 - others),
        percent(facts.other_cpu / capacity) + " of the CPUs' time went to other processes" +
            (facts.stolen > 0 ? ", " + percent(facts.stolen / capacity) + " to other virtual machines" : ""),
        hypervisor ? "a machine whose CPUs are not shared"
                   : "end what else computes (top shows it), or fewer --threads");
  }
  if (facts.clock > 0 && facts.clock < 0.9) {
    add("clock", time * (1 / facts.clock - 1), "the CPUs ran at " + percent(facts.clock) + " of their highest clock",
        "cooling, the power profile (powerprofilesctl set performance), or mains power");
  } else if (facts.now_rate > 0 && facts.now_rate < 0.85) {
    add("clock", time * (1 / facts.now_rate - 1),
        "memory is read at " + percent(facts.now_rate) + " of the speed it had when this machine was measured",
        "vivace hardware --measure again if it stays so; else look for throttling and other load");
  }
  if (facts.mapped) {
    add("mapped weights", left,
        "--mmap uses the weights as they lie in the file, not in the order the kernels like best", "leave out --mmap");
  }
  return left;
}

}  // namespace

WhyAnswer explain_speed(const RunFacts& facts) {
  if (!(facts.measured > 0)) {
    throw Error(ErrorCode::kInvalidArgument, "the last run generated too little to say how fast it was",
                "run something longer, or vivace why MODEL");
  }
  WhyAnswer answer;
  if (!(facts.predicted > 0)) {
    answer.ideal = facts.measured;
    return answer;
  }
  explain_settings(facts, answer.causes);
  double ideal_time = 1 / facts.predicted;
  for (const Cause& cause : answer.causes) ideal_time -= cause.seconds;
  // Each difference was taken alone; together they can't be more than there is.
  answer.ideal = 1 / std::max(ideal_time, 0.02 / facts.predicted);
  answer.unexplained = explain_circumstances(facts, 1 / facts.measured - 1 / facts.predicted, answer.causes);
  std::stable_sort(answer.causes.begin(), answer.causes.end(),
                   [](const Cause& a, const Cause& b) { return a.seconds > b.seconds; });
  std::erase_if(answer.causes, [&](const Cause& cause) { return cause.seconds < kWorthSaying / facts.measured; });
  return answer;
}

namespace {

/// Every field of the record by its name; now_rate is looked at later and not part of it.
template <class Facts, class Visit>
void visit_facts(Facts& f, const Visit& visit) {
  visit("model", f.model);
  visit("at", f.at);
  visit("what", f.what);
  visit("measured_tokens_per_second", f.measured);
  visit("predicted_tokens_per_second", f.predicted);
  visit("by_measurement", f.by_measurement);
  visit("better", f.better);
  visit("threads", f.threads);
  visit("automatic_threads", f.automatic_threads);
  visit("depth", f.depth);
  visit("layers", f.layers);
  visit("gpu_layers", f.gpu_layers);
  visit("generic_formats", f.generic_formats);
  visit("mapped", f.mapped);
  visit("wall_seconds", f.wall);
  visit("own_cpu_seconds", f.own_cpu);
  visit("other_cpu_seconds", f.other_cpu);
  visit("stolen_seconds", f.stolen);
  visit("cpus", f.cpus);
  visit("major_faults", f.major_faults);
  visit("disk_bytes", f.disk_bytes);
  visit("swapped_pages", f.swapped_pages);
  visit("clock", f.clock);
}

}  // namespace

// Found by the JSON library.
static void to_json(Json& json, const BetterSpeeds& speeds) {
  json = {{"threads", speeds.threads}, {"formats", speeds.formats}, {"depth", speeds.depth}, {"spill", speeds.spill}};
}
static void from_json(const Json& json, BetterSpeeds& speeds) {
  json.at("threads").get_to(speeds.threads);
  json.at("formats").get_to(speeds.formats);
  json.at("depth").get_to(speeds.depth);
  json.at("spill").get_to(speeds.spill);
}

Json facts_json(const RunFacts& facts) {
  Json json;
  visit_facts(facts, [&](const char* name, const auto& value) { json[name] = value; });
  return json;
}

RunFacts parse_facts_json(const Json& json) {
  try {
    RunFacts facts;
    visit_facts(facts, [&](const char* name, auto& value) { json.at(name).get_to(value); });
    return facts;
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kInvalidFile, std::string("no record of a run: ") + error.what());
  }
}

Json why_json(const RunFacts& facts, const WhyAnswer& answer) {
  Json causes = Json::array();
  for (const Cause& cause : answer.causes) {
    causes.push_back({{"name", cause.name},
                      {"seconds_per_token", cause.seconds},
                      {"share", cause.seconds * facts.measured},
                      {"evidence", cause.evidence},
                      {"fix", cause.fix}});
  }
  return {{"run", facts_json(facts)},
          {"ideal_tokens_per_second", answer.ideal},
          {"causes", causes},
          {"unexplained_seconds_per_token", answer.unexplained}};
}

}  // namespace vivace
