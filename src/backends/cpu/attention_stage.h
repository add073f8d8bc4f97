// The stage of one attention call, cut into KV heads times blocks of neighbouring queries, and where those are too few
// for the threads also into ranges of tiles.
#pragma once

#include <atomic>
#include <memory>
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
    int32_t begin, end;  // positions that any of its tokens sees

    int32_t first_tile() const { return begin / kAttentionTile; }
    int32_t tiles() const { return (end + kAttentionTile - 1) / kAttentionTile - first_tile(); }
  };

  void cut_rows(const StepInputs& inputs, int32_t threads);
  void cut_positions(int32_t threads);
  AttentionTask make_task(const StepInputs& inputs, const Block& block, int32_t head, int32_t worker) const;
  void run_part(AttentionTask& task, const Block& block, int32_t item, int32_t part);
  void check_pages(const StepInputs& inputs, const Block& block) const;

  AttentionArgs args_;
  const KernelTable& table_;
  WorkerScratch& scratch_;
  int32_t group_ = 1;  // query heads that share a KV head
  std::vector<Block> blocks_;
  std::vector<const uint8_t*> slabs_;
  std::vector<int32_t> slab_pages_;

  int32_t parts_ = 1;       // ranges of tiles that each item, a head and a block, is cut into
  size_t item_floats_ = 0;  // of the results of all tiles of an item
  size_t most_items_ = 0;
  std::unique_ptr<std::atomic<int32_t>[]> parts_left_;  // of each item
};

}  // namespace vivace
