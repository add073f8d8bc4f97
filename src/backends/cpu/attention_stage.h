// The stage of one attention call, cut into KV heads times blocks of neighbouring queries.
#pragma once

#include <vector>

#include "backends/cpu/cpu_memory.h"
#include "backends/cpu/kernel_table.h"
#include "backends/cpu/program.h"
#include "device/ops.h"

namespace vivace {

class AttentionStage final : public Stage {
 public:
  /// Throws Error kInvalidArgument where shapes differ, kUnsupported for a KV format without a kernel.
  AttentionStage(const AttentionArgs& args, const KernelTable& table, WorkerScratch& scratch);

  int32_t prepare(const StepInputs& inputs, int32_t threads) override;
  void run(const StepInputs& inputs, int32_t chunk, int32_t worker) override;

 private:
  struct Block {
    int32_t sequence;
    int32_t row;  // first token of the block in the step
    int32_t tokens;
  };

  void check_pages(const StepInputs& inputs, const Block& block) const;

  AttentionArgs args_;
  const KernelTable& table_;
  WorkerScratch& scratch_;
  int32_t group_ = 1;  // query heads that share a KV head
  std::vector<Block> blocks_;
  std::vector<const uint8_t*> slabs_;
};

}  // namespace vivace
