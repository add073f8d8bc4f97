#include "backends/cuda/program.h"

#include <optional>

#include "backends/cuda/kernels.h"
#include "backends/cuda/norm.h"

namespace vivace::cuda {
namespace {

bool same(const Tensor& a, const Tensor& b) {
  return a.buffer == b.buffer && a.offset == b.offset && a.columns == b.columns && a.stride == b.stride;
}

/// The addition whose sum the norm after it reads.
bool joins(const AddArgs& add, const NormArgs& norm) {
  const bool whole_rows = norm.segment == 0 || norm.segment == norm.input.columns;
  return add.rows == norm.rows && whole_rows && same(add.output, norm.input) && (norm.output || norm.prepared);
}

/// What a call does to heads in place, or nothing where it is another kind of call.
std::optional<HeadsItem> head_item(const Call& call) {
  HeadsItem item;
  if (const auto* norm = std::get_if<NormArgs>(&call)) {
    if (norm->rows != RowSet::kTokens || norm->kind != NormKind::kRms || norm->bias || norm->prepared) return {};
    if (norm->segment <= 0 || !same(norm->input, norm->output)) return {};
    item.x = norm->input;
    item.head_dim = norm->segment;
    item.heads = norm->input.columns / norm->segment;
    item.norm = true;
    item.weight = norm->weight;
    item.epsilon = norm->epsilon;
    return item;
  }
  const auto* rope = std::get_if<RopeArgs>(&call);
  if (rope == nullptr) return {};
  item.x = rope->x;
  item.head_dim = rope->head_dim;
  item.heads = rope->heads;
  item.table = rope->table;
  item.rotary_dim = rope->rotary_dim;
  item.pairs = rope->pairs;
  return item;
}

/// Adds what a call does to heads; false where it doesn't fit: a third tensor, a norm after a rotation.
bool join(HeadsCall& heads, const HeadsItem& item) {
  for (int32_t i = 0; i < heads.count; ++i) {
    HeadsItem& there = heads.items[size_t(i)];
    if (!same(there.x, item.x)) continue;
    if (there.table || !item.table || there.head_dim != item.head_dim || there.heads != item.heads) return false;
    there.table = item.table;
    there.rotary_dim = item.rotary_dim;
    there.pairs = item.pairs;
    return true;
  }
  if (heads.count == 2) return false;
  heads.items[size_t(heads.count++)] = item;
  return true;
}

/// Calls an operation's function for what the variant holds.
struct Enqueue {
  const Launch& launch;

  void operator()(const EmbedArgs& args) const { enqueue_embed(launch, args); }
  void operator()(const NormArgs& args) const { enqueue_norm(launch, args); }
  void operator()(const PrepareArgs& args) const { enqueue_prepare(launch, args); }
  void operator()(const MatmulArgs& args) const { enqueue_matmul(launch, args); }
  void operator()(const AddArgs& args) const { enqueue_add(launch, args); }
  void operator()(const ScaleArgs& args) const { enqueue_scale(launch, args); }
  void operator()(const GluArgs& args) const { enqueue_glu(launch, args); }
  void operator()(const RopeTableArgs& args) const { enqueue_rope_table(launch, args); }
  void operator()(const RopeArgs& args) const { enqueue_rope(launch, args); }
  void operator()(const KvWriteArgs& args) const { enqueue_kv_write(launch, args); }
  void operator()(const AttentionArgs& args) const { enqueue_attention(launch, args); }
  void operator()(const GatherArgs& args) const { enqueue_gather(launch, args); }
  void operator()(const CopyArgs& args) const { enqueue_copy(launch, args); }
  void operator()(const AddNormCall& call) const { enqueue_add_norm(launch, call.add, call.norm); }
  void operator()(const HeadsCall& call) const { enqueue_heads(launch, call.items.data(), call.count); }
};

/// The rows that a call runs over; a set with no rows needs no launch.
RowSet rows_of(const Call& call) {
  return std::visit(
      [](const auto& args) {
        using Args = std::decay_t<decltype(args)>;
        if constexpr (requires { args.rows; }) return args.rows;
        if constexpr (std::is_same_v<Args, AddNormCall>) return args.add.rows;
        return std::is_same_v<Args, GatherArgs> ? RowSet::kOutputs : RowSet::kTokens;
      },
      call);
}

}  // namespace

Program fuse(const Program& program) {
  Program fused;
  for (size_t i = 0; i < program.size();) {
    const auto* add = std::get_if<AddArgs>(&program[i]);
    const auto* norm = i + 1 < program.size() ? std::get_if<NormArgs>(&program[i + 1]) : nullptr;
    if (add != nullptr && norm != nullptr && joins(*add, *norm)) {
      fused.push_back(AddNormCall{*add, *norm});
      i += 2;
      continue;
    }
    HeadsCall heads;
    size_t end = i;
    for (; end < program.size(); ++end) {
      const std::optional<HeadsItem> item = head_item(program[end]);
      if (!item || !join(heads, *item)) break;
    }
    if (heads.count > 0) {
      fused.push_back(heads);
      i = end;
    } else {
      fused.push_back(program[i++]);
    }
  }
  return fused;
}

void enqueue(const Launch& launch, const Program& program) {
  for (const Call& call : program) {
    if (launch.rows(rows_of(call)) > 0) std::visit(Enqueue{launch}, call);
  }
}

}  // namespace vivace::cuda
