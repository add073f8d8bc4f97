// The stage of one matmul call: up to four weights that share their input, cut into ranges of weight rows.
#pragma once

#include <array>

#include "backends/cpu/cpu_memory.h"
#include "backends/cpu/kernel_table.h"
#include "backends/cpu/program.h"
#include "device/ops.h"

namespace vivace {

class MatmulStage final : public Stage {
 public:
  /// Throws Error kInvalidArgument where shapes differ or the input lacks the form that a weight reads.
  MatmulStage(const MatmulArgs& args, const KernelTable& table, WorkerScratch& scratch);

  int32_t prepare(const StepInputs& inputs, int32_t threads) override;
  void run(const StepInputs& inputs, int32_t chunk, int32_t worker) override;

 private:
  MatmulArgs args_;
  std::array<const MatmulRow*, 4> kernels_{};
  WorkerScratch& scratch_;
  int64_t panels_ = 0;  // of all items
  size_t weight_bytes_ = 0;
  int32_t tokens_ = 0;  // rows of this step
  int64_t chunk_panels_ = 1;
};

}  // namespace vivace
