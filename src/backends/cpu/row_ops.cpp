#include "backends/cpu/row_ops.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <string>

#include "base/error.h"
#include "quant/layout.h"

namespace vivace {
namespace {

/// What an operation needs while it runs.
struct RowContext {
  const StepInputs& inputs;
  const KernelTable& table;
  float* scratch;      // one row
  int32_t total_rows;  // of the step
};

[[noreturn]] void fail(ErrorCode code, const std::string& what) { throw Error(code, what); }

RowAccess access(const Tensor& tensor, int32_t rows, bool write) {
  const size_t stride = size_t(tensor.stride) * sizeof(float), row_bytes = size_t(tensor.columns) * sizeof(float);
  return {tensor.buffer, tensor.offset, tensor.offset + size_t(rows - 1) * stride + row_bytes, row_bytes, stride,
          write,         false};
}

/// True when two accesses of different rows may meet.
bool conflict(const RowAccess& a, const RowAccess& b) {
  if (a.buffer != b.buffer || !(a.write || b.write) || a.begin >= b.end || b.begin >= a.end) return false;
  if (a.any_row || b.any_row || a.stride != b.stride) return true;
  if (a.stride == 0) return a.begin != b.begin || a.end != b.end;
  // Parts of the same rows, when both fit between the starts of two neighbours.
  return std::max(a.begin + a.row_bytes, b.begin + b.row_bytes) - std::min(a.begin, b.begin) > a.stride;
}

struct Accesses {
  std::vector<RowAccess> list;
  const KernelTable& table;
  int32_t rows;

  void read(const Tensor& tensor) {
    if (tensor) list.push_back(access(tensor, rows, false));
  }
  void write(const Tensor& tensor) {
    if (tensor) list.push_back(access(tensor, rows, true));
  }
  void write(const Prepared& prepared) {
    if (!prepared) return;
    const size_t bytes = table.prepared_bytes(prepared.kinds, prepared.columns, rows);
    list.push_back({prepared.buffer, prepared.offset, prepared.offset + bytes, bytes, 0, true, false});
  }

  void operator()(const EmbedArgs& op) { write(op.output); }
  void operator()(const NormArgs& op) { read(op.input), write(op.output), write(op.prepared); }
  void operator()(const PrepareArgs& op) { read(op.input), write(op.prepared); }
  void operator()(const AddArgs& op) { read(op.a), read(op.b), write(op.output); }
  void operator()(const ScaleArgs& op) { read(op.input), write(op.output); }
  void operator()(const GluArgs& op) { read(op.gate), read(op.up), write(op.output), write(op.prepared); }
  void operator()(const RopeTableArgs& op) { write(op.table); }
  void operator()(const RopeArgs& op) { write(op.x), read(op.table); }
  void operator()(const KvWriteArgs& op) { read(op.keys), read(op.values); }
  void operator()(const GatherArgs& op) {
    write(op.output);
    // Its rows are those of the whole step, whose number is not known here: the rest of the buffer.
    list.push_back({op.input.buffer, op.input.offset, SIZE_MAX, 0, 0, false, true});
  }
  void operator()(const CopyArgs& op) { read(op.input), write(op.output); }
};

// --- The operations on rows [begin, end) ---

void run_rows(const EmbedArgs& op, const RowContext& context, int32_t begin, int32_t end) {
  const uint8_t* weight = host_address(op.table);
  const size_t columns = size_t(op.table.columns);
  for (int32_t row = begin; row < end; ++row) {
    const int32_t token = context.inputs.token_ids()[row];
    if (token < 0 || token >= op.table.rows) {
      fail(ErrorCode::kInvalidArgument, "token id " + std::to_string(token) + " is not in the vocabulary of " +
                                            std::to_string(op.table.rows) + " tokens");
    }
    float* out = row_address(op.output, row);
    decode_weight_row(*op.table.format, op.table.layout, weight, size_t(token), columns, out);
    if (op.scale != 1) context.table.rows.scale(out, op.scale, 0, int32_t(columns), out);
  }
}

void prepare_row(const Prepared& prepared, const float* values, const RowContext& context, int32_t row) {
  if (!prepared) return;
  context.table.prepare(prepared.kinds, values, prepared.columns, prepared.columns, row, row + 1, context.total_rows,
                        host_address(prepared));
}

void run_rows(const NormArgs& op, const RowContext& context, int32_t begin, int32_t end) {
  const int32_t segment = op.segment > 0 ? op.segment : op.input.columns;
  const auto norm = op.kind == NormKind::kRms ? context.table.rows.rms_norm : context.table.rows.layer_norm;
  const float* weight = vector_address(op.weight);
  const float* bias = vector_address(op.bias);
  for (int32_t row = begin; row < end; ++row) {
    const float* input = row_address(op.input, row);
    float* output = op.output ? row_address(op.output, row) : context.scratch;
    for (int32_t at = 0; at < op.input.columns; at += segment) {
      norm(input + at, weight, bias, op.epsilon, segment, output + at);
    }
    prepare_row(op.prepared, output, context, row);
  }
}

void run_rows(const PrepareArgs& op, const RowContext& context, int32_t begin, int32_t end) {
  context.table.prepare(op.prepared.kinds, row_address(op.input, begin), op.input.stride, op.prepared.columns, begin,
                        end, context.total_rows, host_address(op.prepared));
}

void run_rows(const AddArgs& op, const RowContext& context, int32_t begin, int32_t end) {
  for (int32_t row = begin; row < end; ++row) {
    context.table.rows.add(row_address(op.a, row), row_address(op.b, row), op.b_scale, op.output.columns,
                           row_address(op.output, row));
  }
}

void run_rows(const ScaleArgs& op, const RowContext& context, int32_t begin, int32_t end) {
  for (int32_t row = begin; row < end; ++row) {
    context.table.rows.scale(row_address(op.input, row), op.factor, op.cap, op.output.columns,
                             row_address(op.output, row));
  }
}

void run_rows(const GluArgs& op, const RowContext& context, int32_t begin, int32_t end) {
  const auto glu = context.table.rows.glu[size_t(op.kind)];
  for (int32_t row = begin; row < end; ++row) {
    float* output = op.output ? row_address(op.output, row) : context.scratch;
    glu(row_address(op.gate, row), op.up ? row_address(op.up, row) : nullptr, op.gate.columns, output);
    prepare_row(op.prepared, output, context, row);
  }
}

void run_rows(const RopeTableArgs& op, const RowContext& context, int32_t begin, int32_t end) {
  constexpr double kTurn = 2 * std::numbers::pi;
  const float* frequencies = vector_address(op.frequencies);
  for (int32_t row = begin; row < end; ++row) {
    float* table = row_address(op.table, row);
    for (int32_t i = 0; i < op.table.columns / 2; ++i) {
      // The product is rounded as the operation's definition says, then reduced exactly.
      const double angle = float(context.inputs.positions()[row]) * frequencies[i];
      const float rest = float(angle - kTurn * std::floor(angle / kTurn + 0.5));
      table[2 * i] = op.magnitude * std::cos(rest);
      table[2 * i + 1] = op.magnitude * std::sin(rest);
    }
  }
}

void run_rows(const RopeArgs& op, const RowContext& context, int32_t begin, int32_t end) {
  const auto rope = context.table.rows.rope[size_t(op.pairs)];
  for (int32_t row = begin; row < end; ++row) {
    rope(row_address(op.x, row), row_address(op.table, row), op.heads, op.head_dim, op.rotary_dim);
  }
}

void run_rows(const KvWriteArgs& op, const RowContext& context, int32_t begin, int32_t end) {
  const KvLayer& kv = op.kv;
  const KvSlabs& slabs = *kv.slabs;
  const RowKernels& kernels = context.table.rows;
  for (int32_t row = begin; row < end; ++row) {
    const int32_t position = context.inputs.positions()[row], slot = position % kPageTokens;
    const int32_t sequence = context.inputs.token_sequence()[row];
    const int32_t page = context.inputs.page_table(kv.group, sequence)[position / kPageTokens];
    if (page < 0 || size_t(page / slabs.pages_per_slab) >= slabs.slabs.size()) {
      fail(ErrorCode::kInternal, "position " + std::to_string(position) + " has no KV page");
    }
    uint8_t* slab = slabs.slabs[size_t(page / slabs.pages_per_slab)]->host_data();
    for (int32_t head = 0; head < kv.kv_heads; ++head) {
      kernels.kv_store_key(kv.format->format, row_address(op.keys, row) + head * kv.key_dim, kv.key_dim,
                           slab + kv_place(kv, page, head, true).offset, slot);
      kernels.kv_store_value(kv.format->format, row_address(op.values, row) + head * kv.value_dim, kv.value_dim,
                             slab + kv_place(kv, page, head, false).offset, slot);
    }
  }
}

void copy_row(const Tensor& input, int64_t input_row, const Tensor& output, int64_t output_row) {
  std::memmove(row_address(output, output_row), row_address(input, input_row), size_t(output.columns) * sizeof(float));
}

void run_rows(const GatherArgs& op, const RowContext& context, int32_t begin, int32_t end) {
  for (int32_t row = begin; row < end; ++row) {
    const int32_t from = context.inputs.output_rows()[row];
    if (from < 0 || from >= context.inputs.tokens()) {
      fail(ErrorCode::kInternal, "output row " + std::to_string(from) + " is not in the step");
    }
    copy_row(op.input, from, op.output, row);
  }
}

void run_rows(const CopyArgs& op, const RowContext& context, int32_t begin, int32_t end) {
  for (int32_t row = begin; row < end; ++row) copy_row(op.input, row, op.output, row);
}

// --- Checks at recording ---

void require(bool condition, const char* what) {
  if (!condition) fail(ErrorCode::kInvalidArgument, what);
}

/// Checks a call; returns the columns of scratch it needs.
struct Check {
  int32_t operator()(const EmbedArgs& op) const {
    require(op.table && op.output && op.table.columns == op.output.columns, "embed: the table and output differ");
    return 0;
  }
  int32_t operator()(const NormArgs& op) const {
    const int32_t columns = op.input.columns, segment = op.segment > 0 ? op.segment : columns;
    require(op.input && segment > 0 && columns % segment == 0, "norm: columns are no multiple of the segment");
    require(!op.output || op.output.columns == columns, "norm: input and output differ in columns");
    require(!op.prepared || op.prepared.columns == columns, "norm: the prepared form differs in columns");
    check_vector(op.weight, segment, "norm weight");
    check_vector(op.bias, segment, "norm bias");
    return columns;
  }
  int32_t operator()(const PrepareArgs& op) const {
    require(op.input && op.prepared && op.prepared.columns == op.input.columns, "prepare: columns differ");
    return 0;
  }
  int32_t operator()(const AddArgs& op) const {
    require(op.a && op.b && op.output && op.a.columns == op.output.columns && op.b.columns == op.output.columns,
            "add: columns differ");
    return 0;
  }
  int32_t operator()(const ScaleArgs& op) const {
    require(op.input && op.output && op.input.columns == op.output.columns, "scale: columns differ");
    return 0;
  }
  int32_t operator()(const GluArgs& op) const {
    require(op.gate && (!op.up || op.up.columns == op.gate.columns), "glu: gate and up differ in columns");
    require(!op.output || op.output.columns == op.gate.columns, "glu: gate and output differ in columns");
    require(!op.prepared || op.prepared.columns == op.gate.columns, "glu: the prepared form differs in columns");
    return op.gate.columns;
  }
  int32_t operator()(const RopeTableArgs& op) const {
    require(op.table && op.frequencies, "rope_table: no frequencies or table");
    check_vector(op.frequencies, op.table.columns / 2, "rope frequencies");
    return 0;
  }
  int32_t operator()(const RopeArgs& op) const {
    require(op.x && op.table && op.x.columns == op.heads * op.head_dim && op.table.columns >= op.rotary_dim &&
                op.rotary_dim <= op.head_dim && op.rotary_dim % 2 == 0,
            "rope: shapes differ");
    return 0;
  }
  int32_t operator()(const KvWriteArgs& op) const {
    const KvLayer& kv = op.kv;
    require(op.keys && op.values && kv.slabs && kv.format && op.keys.columns == kv.kv_heads * kv.key_dim &&
                op.values.columns == kv.kv_heads * kv.value_dim,
            "kv_write: shapes differ");
    const Format format = kv.format->format;
    const int32_t block = int32_t(kv.format->block_columns);
    if (!is_kv_format(format) || kv.key_dim % block != 0 || kv.value_dim % block != 0) {
      fail(ErrorCode::kUnsupported, std::string("no KV cache in ") + kv.format->name + " with heads of " +
                                        std::to_string(kv.key_dim) + " and " + std::to_string(kv.value_dim) +
                                        " columns");
    }
    return 0;
  }
  int32_t operator()(const GatherArgs& op) const {
    require(op.input && op.output && op.input.columns == op.output.columns, "gather: columns differ");
    return 0;
  }
  int32_t operator()(const CopyArgs& op) const {
    require(op.input && op.output && op.input.columns == op.output.columns, "copy: columns differ");
    return 0;
  }
};

struct RowsOf {
  RowSet operator()(const EmbedArgs&) const { return RowSet::kTokens; }
  RowSet operator()(const RopeTableArgs&) const { return RowSet::kTokens; }
  RowSet operator()(const RopeArgs&) const { return RowSet::kTokens; }
  RowSet operator()(const KvWriteArgs&) const { return RowSet::kTokens; }
  RowSet operator()(const GatherArgs&) const { return RowSet::kOutputs; }
  template <class Args>
  RowSet operator()(const Args& op) const {
    return op.rows;
  }
};

}  // namespace

void check_vector(const Weight& weight, int64_t columns, const char* name) {
  if (!weight) return;
  if (weight.format->format != Format::kF32 || weight.layout != Layout::kRows || weight.columns < columns) {
    throw Error(ErrorCode::kUnsupported, std::string(name) + " must be an F32 vector of " + std::to_string(columns) +
                                             " values, not " + weight.format->name + " of " +
                                             std::to_string(weight.columns));
  }
}

RowSet row_set(const RowOp& op) { return std::visit(RowsOf(), op); }

RowStage::RowStage(RowSet rows, const StepLimits& limits, const KernelTable& table, WorkerScratch& scratch)
    : rows_(rows),
      most_rows_(std::max(1, rows == RowSet::kTokens ? limits.tokens : limits.outputs)),
      table_(table),
      scratch_(scratch) {}

bool RowStage::accepts(const RowOp& op) const {
  if (row_set(op) != rows_) return false;
  Accesses mine{{}, table_, most_rows_};
  std::visit(mine, op);
  for (const RowAccess& a : accesses_) {
    for (const RowAccess& b : mine.list) {
      if (conflict(a, b)) return false;
    }
  }
  return true;
}

void RowStage::add(const RowOp& op) {
  scratch_.reserve(size_t(std::visit(Check(), op)));
  Accesses mine{{}, table_, most_rows_};
  std::visit(mine, op);
  accesses_.insert(accesses_.end(), mine.list.begin(), mine.list.end());
  for (const RowAccess& a : mine.list) prepares_ |= a.stride == 0 && a.write;
  ops_.push_back(op);
}

int32_t RowStage::prepare(const StepInputs& inputs, int32_t threads) {
  constexpr int32_t kMostRows = 16;  // a chunk's rows stay in the cache from one operation to the next
  count_ = rows_ == RowSet::kTokens ? inputs.tokens() : inputs.outputs();
  chunk_rows_ = std::clamp((count_ + threads * 3 - 1) / (threads * 3), 1, kMostRows);
  if (prepares_ && count_ > threads * table_.prepare_rows) {
    chunk_rows_ = (chunk_rows_ + table_.prepare_rows - 1) / table_.prepare_rows * table_.prepare_rows;
  }
  return (count_ + chunk_rows_ - 1) / chunk_rows_;
}

void RowStage::run(const StepInputs& inputs, int32_t chunk, int32_t worker) {
  const RowContext context{inputs, table_, scratch_.of(worker), count_};
  const int32_t begin = chunk * chunk_rows_, end = std::min(count_, begin + chunk_rows_);
  for (const RowOp& op : ops_) {
    std::visit([&](const auto& args) { run_rows(args, context, begin, end); }, op);
  }
}

}  // namespace vivace
