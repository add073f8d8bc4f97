#include "device/step_program.h"

#include <optional>
#include <type_traits>

namespace vivace {
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

}  // namespace

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

}  // namespace vivace
