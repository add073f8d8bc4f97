#include "backends/cpu/attention_stage.h"

#include <algorithm>
#include <string>

#include "backends/cpu/row_ops.h"
#include "base/error.h"

namespace vivace {
namespace {

constexpr int32_t kItemsPerThread = 4;  // fewer are cut by position
constexpr int32_t kLeastTiles = 2;      // of a part: less is not worth its merge

}  // namespace

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
  if (!is_kv_format(kv.format->format)) {
    throw Error(ErrorCode::kUnsupported, std::string("no attention over a KV cache in ") + kv.format->name);
  }
  check_vector(args.sinks, args.heads, "attention sinks");
  group_ = args.heads / kv.kv_heads;
  scratch.reserve(attention_scratch(std::max(kAttentionRows, group_), kv.key_dim, kv.value_dim));
}

int32_t AttentionStage::prepare(const StepInputs& inputs, int32_t threads) {
  slabs_.clear();
  slab_pages_.clear();
  const KvSlabs& slabs = *args_.kv.slabs;
  for (size_t i = 0; i < slabs.slabs.size(); ++i) {
    slabs_.push_back(slabs.slabs[i]->host_data());
    slab_pages_.push_back(int32_t(slab_pages(slabs, i)));
  }
  cut_rows(inputs, threads);
  cut_positions(threads);
  return int32_t(blocks_.size()) * args_.kv.kv_heads * parts_;
}

// Blocks as large as the scratch allows, but several chunks for each thread where the step has enough queries.
void AttentionStage::cut_rows(const StepInputs& inputs, int32_t threads) {
  const int32_t most = std::max(1, kAttentionRows / group_);
  const int64_t chunks_at_one = int64_t(inputs.tokens()) * args_.kv.kv_heads;
  const int32_t block = int32_t(std::clamp<int64_t>(chunks_at_one / (int64_t(threads) * 6), 1, most));
  blocks_.clear();
  for (int32_t sequence = 0; sequence < inputs.sequences(); ++sequence) {
    const int32_t begin = inputs.sequence_begin()[sequence], tokens = inputs.sequence_tokens()[sequence];
    for (int32_t at = 0; at < tokens; at += block) {
      const int32_t count = std::min(block, tokens - at), first = inputs.positions()[begin + at];
      const int32_t lowest = args_.window > 0 ? std::max(0, first - args_.window + 1) : 0;
      blocks_.push_back({sequence, begin + at, count, lowest, first + count});
    }
  }
}

// A long context behind few KV heads: ranges of tiles, whose results are kept and merged in the order of the tiles.
void AttentionStage::cut_positions(int32_t threads) {
  parts_ = 1;
  const int32_t items = int32_t(blocks_.size()) * args_.kv.kv_heads;
  if (threads == 1 || items == 0 || items >= threads * kItemsPerThread) return;
  int32_t tiles = 0, rows = 0;
  for (const Block& block : blocks_) {
    tiles = std::max(tiles, block.tiles());
    rows = std::max(rows, block.tokens * group_);
  }
  parts_ = std::max(1, std::min((threads * kItemsPerThread + items - 1) / items, tiles / kLeastTiles));
  if (parts_ == 1) return;
  item_floats_ = size_t(tiles) * attention_part(rows, args_.kv.value_dim);
  scratch_.reserve_shared(size_t(items) * item_floats_);
  if (most_items_ < size_t(items)) {
    parts_left_ = std::make_unique<std::atomic<int32_t>[]>(size_t(items));
    most_items_ = size_t(items);
  }
  for (int32_t item = 0; item < items; ++item) parts_left_[size_t(item)].store(parts_, std::memory_order_relaxed);
}

// The kernel trusts the page table: the pages that the block's queries see must be there.
void AttentionStage::check_pages(const StepInputs& inputs, const Block& block) const {
  const int32_t* pages = inputs.page_table(args_.kv.group, block.sequence);
  const int32_t last = (block.end - 1) / kPageTokens;
  for (int32_t page = block.begin / kPageTokens; page <= last; ++page) {
    if (last >= inputs.limits().pages || pages[page] < 0 ||
        size_t(pages[page] / args_.kv.slabs->pages_per_slab) >= slabs_.size()) {
      throw Error(ErrorCode::kInternal, "attention: page " + std::to_string(page) + " of sequence " +
                                            std::to_string(block.sequence) + " is missing");
    }
  }
}

AttentionTask AttentionStage::make_task(const StepInputs& inputs, const Block& block, int32_t head,
                                        int32_t worker) const {
  const KvLayer& kv = args_.kv;
  AttentionTask task;
  task.queries = row_address(args_.queries, block.row) + int64_t(head) * group_ * kv.key_dim;
  task.output = row_address(args_.output, block.row) + int64_t(head) * group_ * kv.value_dim;
  task.query_stride = args_.queries.stride;
  task.output_stride = args_.output.stride;
  task.positions = inputs.positions() + block.row;
  task.tokens = block.tokens;
  task.group = group_;
  task.position_begin = block.begin;
  task.position_end = block.end;
  task.format = kv.format->format;
  task.key_dim = kv.key_dim;
  task.value_dim = kv.value_dim;
  task.page_table = inputs.page_table(kv.group, block.sequence);
  task.slabs = slabs_.data();
  task.slab_pages = slab_pages_.data();
  task.pages_per_slab = kv.slabs->pages_per_slab;
  task.key_bytes = kv_head_bytes(kv, true);
  task.value_bytes = kv_head_bytes(kv, false);
  task.key_offset = kv.key_offset + size_t(head) * task.key_bytes;
  task.value_offset = kv.value_offset + size_t(head) * task.value_bytes;
  task.scale = args_.scale;
  task.score_cap = args_.score_cap;
  task.window = args_.window;
  task.sinks = args_.sinks ? vector_address(args_.sinks) + head * group_ : nullptr;
  task.scratch = scratch_.of(worker);
  return task;
}

// The part that ends last merges all of them: whichever that is, the order is that of the tiles.
void AttentionStage::run_part(AttentionTask& task, const Block& block, int32_t item, int32_t part) {
  const int32_t tiles = block.tiles();
  const int32_t from = int32_t(int64_t(tiles) * part / parts_), to = int32_t(int64_t(tiles) * (part + 1) / parts_);
  float* results = scratch_.shared() + size_t(item) * item_floats_;
  if (from < to) {
    task.position_begin = std::max(block.begin, (block.first_tile() + from) * kAttentionTile);
    task.position_end = std::min(block.end, (block.first_tile() + to) * kAttentionTile);
    task.parts = results + size_t(from) * attention_part(task.tokens * task.group, task.value_dim);
    table_.rows.attention(task);
  }
  if (parts_left_[size_t(item)].fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  task.position_begin = block.begin;
  task.position_end = block.end;
  task.parts = results;
  table_.rows.attention_merge(task);
}

void AttentionStage::run(const StepInputs& inputs, int32_t chunk, int32_t worker) {
  // Head by head, so that its pages stay in the shared cache; the last block of a prompt sees most positions and is
  // first.
  const int32_t part = chunk % parts_, item = chunk / parts_, blocks = int32_t(blocks_.size());
  const Block& block = blocks_[size_t(blocks - 1 - item % blocks)];
  check_pages(inputs, block);
  AttentionTask task = make_task(inputs, block, item / blocks, worker);
  parts_ > 1 ? run_part(task, block, item, part) : table_.rows.attention(task);
}

}  // namespace vivace
