// One step of a loaded model: puts sequences' tokens into StepInputs, runs the decoder, gives back logits. Owns the KV
// memory. The engine, the scorer and the benchmark drive it.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/kv/page_pool.h"
#include "engine/kv/prefix_cache.h"
#include "engine/loaded_model.h"
#include "models/decoder.h"

namespace vivace {

/// What one sequence adds in a step: `tokens` at positions first_position, first_position + 1, ...; `tables` hold pages
/// for all positions up to the last one.
struct StepSequence {
  std::span<const TokenId> tokens;
  int32_t first_position = 0;
  const PageTables* tables = nullptr;
  int32_t outputs = 1;  // logits of the last `outputs` tokens are wanted
};

/// Not thread-safe.
class StepRunner {
 public:
  /// Allocates KV pages and activations as the model's plan says. Throws Error kOutOfMemory.
  explicit StepRunner(const LoadedModel& model);

  /// Runs the step; the sum of tokens, sequences and outputs must be within the plan's limits. Logits row numbers count
  /// the outputs in the order of the sequences.
  void run(std::span<const StepSequence> sequences, StepResult result = StepResult::kLogits);
  std::span<const float> hidden(int32_t row) const { return decoder_->hidden(row); }
  std::span<const float> logits(int32_t row) const { return decoder_->logits(row); }

  /// Makes room for positions [0, end) of a sequence and lets windows' old pages go, for tokens beginning at `begin`.
  /// False where a pool is dry; pages got so far stay in the tables.
  bool grow(PageTables& tables, int32_t begin, int32_t end);
  void release(PageTables& tables);

  /// PagePool::back_some() of the first pool that has something to do.
  bool back_some();

  std::span<const std::unique_ptr<PagePool>> pools() const { return pools_; }
  const StepLimits& limits() const { return inputs_.limits(); }

 private:
  const LoadedModel& model_;
  StepInputs inputs_;
  KvLayout kv_;
  std::vector<std::unique_ptr<PagePool>> pools_;  // [kv groups]
  std::unique_ptr<Decoder> decoder_;
};

}  // namespace vivace
