// The stage of row-local operations: neighbours on the same rows run together, each thread taking some rows through all
// of them, because a row reads and writes nothing but its own row.
#pragma once

#include <variant>
#include <vector>

#include "backends/cpu/cpu_memory.h"
#include "backends/cpu/kernel_table.h"
#include "backends/cpu/program.h"
#include "device/ops.h"

namespace vivace {

using RowOp = std::variant<EmbedArgs, NormArgs, PrepareArgs, AddArgs, ScaleArgs, GluArgs, RopeTableArgs, RopeArgs,
                           KvWriteArgs, GatherArgs, CopyArgs>;

/// The rows an operation runs over.
RowSet row_set(const RowOp& op);

/// Bytes that an operation touches, for up to `rows` rows.
struct RowAccess {
  const Buffer* buffer = nullptr;
  size_t begin = 0;      // of row 0
  size_t end = 0;        // of the last row
  size_t row_bytes = 0;  // of one row
  size_t stride = 0;     // bytes from row to row; 0: rows interleave (a prepared activation)
  bool write = false;
  bool any_row = false;  // not only the operation's own row (gather's input)
};

class RowStage final : public Stage {
 public:
  RowStage(RowSet rows, const StepLimits& limits, const KernelTable& table, WorkerScratch& scratch);

  /// True when `op` may join: same rows, and no row of it touches another row of what is already here (an arena may
  /// have given a dead tensor's bytes to a new one of other shape).
  bool accepts(const RowOp& op) const;
  /// Checks the operation and adds it; throws Error kInvalidArgument or kUnsupported.
  void add(const RowOp& op);
  size_t size() const { return ops_.size(); }

  int32_t prepare(const StepInputs& inputs, int32_t threads) override;
  void run(const StepInputs& inputs, int32_t chunk, int32_t worker) override;

 private:
  RowSet rows_;
  int32_t most_rows_;
  const KernelTable& table_;
  WorkerScratch& scratch_;
  std::vector<RowOp> ops_;
  std::vector<RowAccess> accesses_;
  bool prepares_ = false;  // some operation quantises: cut at the form's borders
  int32_t count_ = 0;      // rows of this step
  int32_t chunk_rows_ = 1;
};

/// Address of the first byte of a tensor, weight or prepared activation.
template <class View>
uint8_t* host_address(const View& view) {
  return view.buffer->host_data() + view.offset;
}

/// The f32 vector [columns] of a weight, or null where absent.
inline const float* vector_address(const Weight& weight) {
  return weight ? reinterpret_cast<const float*>(host_address(weight)) : nullptr;
}

/// Row `row` of an activation.
inline float* row_address(const Tensor& tensor, int64_t row) {
  return reinterpret_cast<float*>(host_address(tensor)) + row * tensor.stride;
}

/// Throws Error kUnsupported unless the weight is absent or an f32 vector in rows of at least `columns` values.
void check_vector(const Weight& weight, int64_t columns, const char* name);

}  // namespace vivace
