#include "models/kv_layout.h"

#include <algorithm>

#include "base/error.h"
#include "device/step_inputs.h"

namespace vivace {
namespace {

size_t page_bytes_of(const FormatRow& format, int32_t kv_heads, int32_t dim) {
  return size_t(kv_heads) * kPageTokens * row_bytes(format, dim);
}

void check_width(const FormatRow& format, int32_t dim) {
  if (dim % int32_t(format.block_columns) == 0) return;
  throw Error(ErrorCode::kUnsupported,
              std::string("a KV cache in ") + format.name + " needs head widths that are multiples of " +
                  std::to_string(format.block_columns) + ", this model has " + std::to_string(dim),
              "use --kv-type f16");
}

KvGroup& group_for(std::vector<KvGroup>& groups, int32_t device, bool in_host, int32_t window) {
  for (KvGroup& group : groups) {
    if (group.device == device && group.window == window) return group;
  }
  KvGroup& group = groups.emplace_back();
  group.device = device;
  group.in_host = in_host;
  group.window = window;
  return group;
}

}  // namespace

KvLayout make_kv_layout(const ModelCard& card, const Placement& placement, Format format) {
  const FormatRow& row = format_row(format);
  KvLayout layout;
  layout.layers.resize(card.layers.size());
  for (size_t i = 0; i < card.layers.size(); ++i) {
    const LayerCard& layer = card.layers[i];
    check_width(row, layer.key_dim);
    check_width(row, layer.value_dim);
    KvGroup& group = group_for(layout.groups, placement.layers[i], placement.kv_in_host, layer.window);
    KvLayer& kv = layout.layers[i];
    kv.group = int32_t(&group - layout.groups.data());
    kv.format = &row;
    kv.kv_heads = layer.kv_heads;
    kv.key_dim = layer.key_dim;
    kv.value_dim = layer.value_dim;
    kv.key_offset = group.page_bytes;
    kv.value_offset = kv.key_offset + page_bytes_of(row, layer.kv_heads, layer.key_dim);
    group.page_bytes = kv.value_offset + page_bytes_of(row, layer.kv_heads, layer.value_dim);
    group.layers.push_back(int32_t(i));
  }
  return layout;
}

int64_t kv_pages_needed(const KvGroup& group, int64_t tokens, int64_t batch) {
  auto pages = [](int64_t positions) { return (positions + kPageTokens - 1) / kPageTokens; };
  const int64_t all = pages(tokens);
  if (group.window == 0) return all;
  // The window of the batch's first token, the batch itself, and one page because neither begins on a page border.
  return std::min(all, pages(group.window + batch) + 1);
}

}  // namespace vivace
