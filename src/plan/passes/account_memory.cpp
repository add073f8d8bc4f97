#include <algorithm>

#include "base/error.h"
#include "models/decoder.h"
#include "plan/passes/passes.h"

namespace vivace {
namespace {

std::string mebibytes(size_t bytes) { return std::to_string((bytes + (size_t{1} << 20) - 1) >> 20) + " MiB"; }

/// The device in whose ledger host memory stands that another one uses; that one itself where there is none.
int32_t host_of(const PlanState& state, int32_t device) {
  for (size_t d = 0; d < state.devices.size(); ++d) {
    if (state.devices[d]->info().kind == DeviceKind::kCpu) return int32_t(d);
  }
  return device;
}

void add_weights(PlanState& state) {
  Plan& plan = state.plan;
  for (const TensorCard& tensor : state.card.tensors) {
    const auto charge = [&](int32_t device) {
      MemoryLedger& ledger = plan.ledgers[device];
      ledger.weights += loaded_bytes(tensor, *state.devices[device], plan.map_weights);
      if (stays_in_file(tensor, *state.devices[device], plan.map_weights)) ledger.mapped += tensor.file_bytes;
    };
    if (tensor.layer >= 0) {
      charge(plan.placement.device_of(size_t(tensor.layer), tensor.role));
    } else if (tensor.role == TensorRole::kTokenEmbedding) {
      charge(plan.placement.embedding);
      if (state.card.tied_output && plan.placement.output != plan.placement.embedding) charge(plan.placement.output);
    } else {
      charge(plan.placement.output);
    }
  }
  for (size_t d = 0; d < plan.ledgers.size(); ++d) {
    if (!plan.placement.holds_attention(int32_t(d))) continue;
    for (const RopeCard& rope : state.card.ropes) {
      plan.ledgers[d].weights += size_t(rope.rotary_dim) / 2 * sizeof(float);
    }
  }
}

}  // namespace

void write_ledgers(PlanState& state) {
  Plan& plan = state.plan;
  plan.kv = make_kv_layout(state.card, plan.placement, plan.kv_format);
  plan.limits.kv_groups = int32_t(plan.kv.groups.size());
  plan.limits.pages = (plan.context_length + kPageTokens - 1) / kPageTokens;
  plan.ledgers.assign(state.devices.size(), {});
  for (size_t d = 0; d < state.devices.size(); ++d) {
    plan.ledgers[d].device = state.devices[d]->info().id;
    const DeviceInfo& info = state.devices[d]->info();
    const bool host = info.kind == DeviceKind::kCpu && state.host.memory_usable > 0;
    plan.ledgers[d].usable = host ? state.host.memory_usable : info.memory_usable;
  }
  add_weights(state);
  plan.kv_pages.clear();
  for (const KvGroup& group : plan.kv.groups) {
    const int64_t pages = kv_pages_needed(group, plan.context_length, plan.limits.tokens) * plan.parallel;
    plan.kv_pages.push_back(int32_t(pages));
    plan.ledgers[size_t(group.in_host ? host_of(state, group.device) : group.device)].kv +=
        size_t(pages) * group.page_bytes;
  }
  for (size_t d = 0; d < state.devices.size(); ++d) {
    const bool output = plan.placement.output == int32_t(d);
    if (!plan.placement.uses(int32_t(d))) continue;
    if (!state.devices[d]->info().host_memory && host_of(state, int32_t(d)) != int32_t(d)) {
      plan.ledgers[size_t(host_of(state, int32_t(d)))].activations += staging_bytes(state.card, plan.limits, output);
    }
    plan.ledgers[d].activations += activation_bytes(state.card, *state.devices[d], plan.limits, output) +
                                   state.devices[d]->workspace_bytes(plan.limits);
  }
}

bool is_overfull(const Plan& plan, int32_t device) {
  const MemoryLedger& ledger = plan.ledgers[size_t(device)];
  return ledger.usable > 0 && ledger.total() > ledger.usable;
}

int32_t overfull_device(const Plan& plan) {
  for (size_t d = 0; d < plan.ledgers.size(); ++d) {
    if (is_overfull(plan, int32_t(d))) return int32_t(d);
  }
  return -1;
}

void account_memory(PlanState& state) {
  write_ledgers(state);
  const int32_t full = overfull_device(state.plan);
  if (full < 0) return;
  const MemoryLedger& ledger = state.plan.ledgers[full];
  std::string hint = "use a smaller --context-length, --kv-type q8_0, a smaller --batch-size or a smaller quantisation";
  if (state.devices[size_t(full)]->info().kind != DeviceKind::kCpu) {
    hint = "--gpu-layers " + std::to_string(most_gpu_layers_that_fit(state)) + " fits at this context; or " + hint;
  }
  throw Error(ErrorCode::kOutOfMemory,
              "the model needs " + mebibytes(ledger.total()) + " on " + ledger.device + " (weights " +
                  mebibytes(ledger.weights) + ", KV cache " + mebibytes(ledger.kv) + " at " +
                  std::to_string(state.plan.context_length) + " tokens, activations " + mebibytes(ledger.activations) +
                  "), " + mebibytes(ledger.usable) + " are usable",
              hint);
}

}  // namespace vivace
