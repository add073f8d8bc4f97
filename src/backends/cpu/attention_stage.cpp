#include "backends/cpu/attention_stage.h"

#include <algorithm>
#include <string>

#include "backends/cpu/row_ops.h"
#include "base/error.h"

namespace vivace {

AttentionStage::AttentionStage(const AttentionArgs& args, const KernelTable& table, WorkerScratch& scratch)
    : args_(args), table_(table), scratch_(scratch) {
  static_assert(kAttentionTile == 256 && kPageTokens == 32, "attention_scratch() and the kernel count on them");
  const KvLayer& kv = args.kv;
  auto require = [](bool condition, const char* what) {
    if (!condition) throw Error(ErrorCode::kInvalidArgument, std::string("attention: ") + what);
  };
  require(args.queries && args.output && kv.slabs && kv.format, "an argument is absent");
  require(kv.kv_heads > 0 && args.heads > 0 && args.heads % kv.kv_heads == 0, "heads are no multiple of KV heads");
  require(args.queries.columns == args.heads * kv.key_dim, "queries have other columns");
  require(args.output.columns == args.heads * kv.value_dim, "the output has other columns");
  const Format format = kv.format->format;
  if (format != Format::kF32 && format != Format::kF16 && format != Format::kQ8_0) {
    throw Error(ErrorCode::kUnsupported, std::string("no attention over a KV cache in ") + kv.format->name);
  }
  check_vector(args.sinks, args.heads, "attention sinks");
  group_ = args.heads / kv.kv_heads;
  scratch.reserve(attention_scratch(std::max(kAttentionRows, group_), kv.key_dim, kv.value_dim));
}

int32_t AttentionStage::prepare(const StepInputs& inputs, int32_t threads) {
  // Blocks as large as the scratch allows, but several chunks for each thread where the step has enough queries.
  const int32_t most = std::max(1, kAttentionRows / group_);
  const int64_t chunks_at_one = int64_t(inputs.tokens()) * args_.kv.kv_heads;
  const int32_t block = int32_t(std::clamp<int64_t>(chunks_at_one / (int64_t(threads) * 6), 1, most));
  blocks_.clear();
  for (int32_t sequence = 0; sequence < inputs.sequences(); ++sequence) {
    const int32_t begin = inputs.sequence_begin()[sequence], tokens = inputs.sequence_tokens()[sequence];
    for (int32_t at = 0; at < tokens; at += block) {
      blocks_.push_back({sequence, begin + at, std::min(block, tokens - at)});
    }
  }
  slabs_.clear();
  for (Buffer* slab : args_.kv.slabs->slabs) slabs_.push_back(slab->host_data());
  return int32_t(blocks_.size()) * args_.kv.kv_heads;
}

// The kernel trusts the page table: the pages that the block's queries see must be there.
void AttentionStage::check_pages(const StepInputs& inputs, const Block& block) const {
  const int32_t* positions = inputs.positions() + block.row;
  const int32_t* pages = inputs.page_table(args_.kv.group, block.sequence);
  const int32_t lowest = args_.window > 0 ? std::max(0, positions[0] - args_.window + 1) : 0;
  const int32_t last = positions[block.tokens - 1] / kPageTokens;
  for (int32_t page = lowest / kPageTokens; page <= last; ++page) {
    if (last >= inputs.limits().pages || pages[page] < 0 ||
        size_t(pages[page] / args_.kv.slabs->pages_per_slab) >= slabs_.size()) {
      throw Error(ErrorCode::kInternal, "attention: page " + std::to_string(page) + " of sequence " +
                                            std::to_string(block.sequence) + " is missing");
    }
  }
}

void AttentionStage::run(const StepInputs& inputs, int32_t chunk, int32_t worker) {
  const KvLayer& kv = args_.kv;
  const int32_t head = chunk % kv.kv_heads;
  // The last block of a prompt sees most positions: the long chunks first.
  const Block& block = blocks_[blocks_.size() - 1 - size_t(chunk / kv.kv_heads)];
  check_pages(inputs, block);
  AttentionTask task;
  task.queries = row_address(args_.queries, block.row) + int64_t(head) * group_ * kv.key_dim;
  task.output = row_address(args_.output, block.row) + int64_t(head) * group_ * kv.value_dim;
  task.query_stride = args_.queries.stride;
  task.output_stride = args_.output.stride;
  task.positions = inputs.positions() + block.row;
  task.tokens = block.tokens;
  task.group = group_;
  task.format = kv.format->format;
  task.key_dim = kv.key_dim;
  task.value_dim = kv.value_dim;
  task.page_table = inputs.page_table(kv.group, block.sequence);
  task.slabs = slabs_.data();
  task.pages_per_slab = kv.slabs->pages_per_slab;
  task.page_bytes = kv.slabs->page_bytes;
  const size_t page_rows = size_t(head) * kPageTokens;
  task.key_offset = kv.key_offset + page_rows * row_bytes(*kv.format, size_t(kv.key_dim));
  task.value_offset = kv.value_offset + page_rows * row_bytes(*kv.format, size_t(kv.value_dim));
  task.scale = args_.scale;
  task.score_cap = args_.score_cap;
  task.window = args_.window;
  task.sinks = args_.sinks ? vector_address(args_.sinks) + head * group_ : nullptr;
  task.scratch = scratch_.of(worker);
  table_.rows.attention(task);
}

}  // namespace vivace
