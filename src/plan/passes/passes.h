// The planner's passes, one file each; plan.cpp lists them in order.
#pragma once

#include "plan/plan.h"

namespace vivace {

/// Decode and prefill threads: the physical cores the process may use.
void choose_threads(PlanState& state);
/// As many threads as there are logical CPUs: what stands without choose_threads.
void take_all_threads(PlanState& state);
/// Beside a GPU that holds most layers, the few threads that the rest is worth.
void choose_hybrid_threads(PlanState& state);
/// Tokens and sequences of a step.
void choose_batch(PlanState& state);
/// Which device holds which layers.
void place_layers(PlanState& state);
/// Every layer on the first device.
void place_on_first(PlanState& state);
/// The context that the model was trained for, whatever memory there is.
void take_trained_context(PlanState& state);
/// Context length and KV format; an automatic context gives way where memory is short.
void choose_context(PlanState& state);
/// The final ledger; the last word on whether it fits.
void account_memory(PlanState& state);

/// Fills plan.kv, plan.kv_pages and plan.ledgers from the decisions so far.
void write_ledgers(PlanState& state);
/// Sets KV format and context as they will be unless memory is short: what passes before choose_context count with.
void provisional_context(PlanState& state);
/// Whether a device's ledger is above what it can hold.
bool is_overfull(const Plan& plan, int32_t device);
/// Layers that an automatic placement would put on GPUs at the plan's context.
int32_t most_gpu_layers_that_fit(PlanState state);
/// The first device whose ledger is above what it can hold, or -1.
int32_t overfull_device(const Plan& plan);

}  // namespace vivace
