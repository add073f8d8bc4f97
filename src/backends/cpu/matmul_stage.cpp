#include "backends/cpu/matmul_stage.h"

#include <algorithm>
#include <string>

#include "backends/cpu/detect.h"
#include "backends/cpu/row_ops.h"
#include "base/error.h"

namespace vivace {
namespace {

constexpr int64_t kPanel = int64_t(kPanelRows);

int64_t panels_of(const Weight& weight) { return (weight.rows + kPanel - 1) / kPanel; }

void check_item(const MatmulArgs& args, const MatmulItem& item, const MatmulRow& kernel) {
  const int64_t k = item.weight.columns;
  auto require = [&](bool condition, const char* what) {
    if (condition) return;
    throw Error(ErrorCode::kInvalidArgument, std::string("matmul with a ") + item.weight.format->name + " weight [" +
                                                 std::to_string(item.weight.rows) + ", " + std::to_string(k) +
                                                 "]: " + what);
  };
  require(item.output && item.output.columns == item.weight.rows, "the output has other columns");
  if (kernel.prepared_kind == 0) {
    require(args.input.values && args.input.values.columns == k, "the input lacks f32 values of its columns");
  } else {
    require((args.input.prepared.kinds & kernel.prepared_kind) != 0, "the input lacks the form it reads");
    require(args.input.prepared && args.input.prepared.columns == k, "the input has other columns");
  }
  check_vector(item.bias, item.weight.rows, "matmul bias");
}

}  // namespace

MatmulStage::MatmulStage(const MatmulArgs& args, const KernelTable& table, WorkerScratch& scratch)
    : args_(args), scratch_(scratch) {
  if (args.count < 1 || args.count > int32_t(args.items.size())) {
    throw Error(ErrorCode::kInvalidArgument, "matmul takes 1 to 4 weights, not " + std::to_string(args.count));
  }
  for (int32_t i = 0; i < args.count; ++i) {
    const MatmulItem& item = args.items[i];
    if (!item.weight) throw Error(ErrorCode::kInvalidArgument, "matmul without a weight");
    kernels_[i] = &matmul_row(table, item.weight.format->format, item.weight.layout);
    check_item(args, item, *kernels_[i]);
    scratch.reserve(matmul_scratch_bytes(*kernels_[i], item.weight.columns) / sizeof(float));
    panels_ += panels_of(item.weight);
    weight_bytes_ += item.weight.bytes();
  }
}

int32_t MatmulStage::prepare(const StepInputs& inputs, int32_t threads) {
  constexpr int64_t kChunksPerThread = 16;  // the last ones even out what the first ones cost
  constexpr int64_t kMostPanels = 8;
  constexpr int64_t kMostPanelsOfManyTokens = 4;  // 64 rows stay in the cache from one token block to the next
  constexpr int64_t kLeastBytes = 16 << 10;       // of weights at few tokens: about a microsecond
  tokens_ = args_.rows == RowSet::kTokens ? inputs.tokens() : inputs.outputs();
  if (tokens_ == 0 || panels_ == 0) return 0;
  const int64_t panel_bytes = std::max<int64_t>(1, int64_t(weight_bytes_) / panels_) * tokens_;
  const int64_t least = std::min((kLeastBytes + panel_bytes - 1) / panel_bytes, (panels_ + threads - 1) / threads);
  const int64_t most = std::max(least, tokens_ > 8 ? kMostPanelsOfManyTokens : kMostPanels);
  chunk_panels_ = std::clamp(panels_ / (threads * kChunksPerThread), std::max<int64_t>(1, least), most);
  int64_t chunks = 0;
  for (int32_t i = 0; i < args_.count; ++i) {
    chunks += (panels_of(args_.items[i].weight) + chunk_panels_ - 1) / chunk_panels_;
  }
  return int32_t(chunks);
}

void MatmulStage::run(const StepInputs& inputs, int32_t chunk, int32_t worker) {
  int32_t i = 0;
  int64_t at = chunk;
  for (;; ++i) {
    const int64_t chunks = (panels_of(args_.items[i].weight) + chunk_panels_ - 1) / chunk_panels_;
    if (at < chunks) break;
    at -= chunks;
  }
  const MatmulItem& item = args_.items[i];
  MatmulCall call{};
  call.format = item.weight.format;
  call.layout = item.weight.layout;
  call.weight = host_address(item.weight);
  call.rows = item.weight.rows;
  call.columns = item.weight.columns;
  call.row_begin = at * chunk_panels_ * kPanel;
  call.row_end = std::min(call.rows, call.row_begin + chunk_panels_ * kPanel);
  call.tokens = tokens_;
  if (kernels_[i]->prepared_kind != 0) {
    call.prepared_kinds = args_.input.prepared.kinds;
    call.prepared = host_address(args_.input.prepared);
  }
  if (args_.input.values) {
    call.values = row_address(args_.input.values, 0);
    call.values_stride = args_.input.values.stride;
  }
  call.output = row_address(item.output, 0);
  call.output_stride = item.output.stride;
  call.bias = vector_address(item.bias);
  call.scratch = reinterpret_cast<uint8_t*>(scratch_.of(worker));
  kernels_[i]->run(call);
}

}  // namespace vivace
