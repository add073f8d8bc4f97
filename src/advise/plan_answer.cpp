#include "advise/plan_answer.h"

#include <algorithm>
#include <functional>

#include "base/error.h"

namespace vivace {
namespace {

/// One step back from the wishes. `apply` returns false where it changes nothing.
struct Retreat {
  std::string change;
  std::function<bool(Wishes& wishes)> apply;
};

std::vector<Retreat> retreats(const ModelCard& card) {
  std::vector<Retreat> all;
  all.push_back({"--gpu-layers auto instead of a fixed number: the most that fit", [](Wishes& w) {
                   if (!w.gpu_layers && w.layer_split.empty()) return false;
                   w.gpu_layers.reset();
                   w.layer_split.clear();
                   return true;
                 }});
  const bool q8 = std::all_of(card.layers.begin(), card.layers.end(),
                              [](const LayerCard& l) { return l.key_dim % 32 == 0 && l.value_dim % 32 == 0; });
  if (q8) {
    all.push_back({"--kv-type q8_0: a KV cache of about half the size", [](Wishes& w) {
                     if (w.kv_format && *w.kv_format != Format::kF16 && *w.kv_format != Format::kF32) return false;
                     w.kv_format = Format::kQ8_0;
                     return true;
                   }});
  }
  for (int32_t context = 1 << 17; context >= 512; context /= 2) {
    all.push_back({"--context-length " + std::to_string(context), [context](Wishes& w) {
                     if (!w.context_length || *w.context_length <= context) return false;
                     w.context_length = context;
                     return true;
                   }});
  }
  all.push_back({"--parallel 1", [](Wishes& w) {
                   const bool more = w.parallel.value_or(w.automatic_parallel) > 1;
                   w.parallel = 1;
                   return more;
                 }});
  all.push_back({"--batch-size 128", [](Wishes& w) {
                   const bool more = w.batch_size.value_or(w.automatic_batch) > 128;
                   w.batch_size = 128;
                   return more;
                 }});
  all.push_back(
      {"--mmap: weights stay in the file, and what memory has no room for comes from the disk for every token",
       [](Wishes& w) {
         const bool now = !w.map_weights;
         w.map_weights = true;
         return now;
       }});
  return all;
}

}  // namespace

PlanAnswer answer_plan(const ModelCard& card, std::span<Device* const> devices, const HostFacts& host,
                       const Wishes& wishes, const ForecastOptions& options) {
  PlanAnswer answer;
  const auto plan_by = [&](const Wishes& w) {
    answer.plan = make_plan(card, devices, host, w);
    answer.forecast = make_forecast(card, answer.plan, devices, host, options);
  };
  std::optional<Error> refused;
  try {
    plan_by(wishes);
    return answer;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kOutOfMemory) throw;
    refused.emplace(error);
  }
  answer.fits = false;
  answer.refusal = refused->what();
  answer.hint = refused->hint();
  Wishes nearer = wishes;
  for (const Retreat& retreat : retreats(card)) {
    if (!retreat.apply(nearer)) continue;
    answer.changes.push_back(retreat.change);
    try {
      plan_by(nearer);
      return answer;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kOutOfMemory) throw;
    }
  }
  throw *refused;
}

}  // namespace vivace
