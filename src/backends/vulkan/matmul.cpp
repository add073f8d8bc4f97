// Matrix products: weights are decoded to f32 where they are multiplied.
#include <algorithm>
#include <bit>

#include "backends/vulkan/operations.h"
#include "base/error.h"

namespace vivace::vulkan {
namespace {

constexpr uint32_t kVecTokens = 8, kVecRows = 8;      // of shaders/matmul_vec.comp: most tokens, rows of a workgroup
constexpr uint32_t kTileTokens = 64, kTileRows = 64;  // of shaders/matmul_tile.comp: at most; rows

struct MatmulPush {
  RowsPush from, result;
  VkDeviceAddress count, weight, bias, tables;
  uint64_t row_bytes;
};

/// Whether rows consist of whole vectors of four, each at a multiple of its size.
bool is_aligned(const RowsPush& rows) {
  return rows.address % 16 == 0 && rows.stride % 4 == 0 && rows.columns % 4 == 0;
}

void record_item(Recorder& recorder, const MatmulArgs& args, const MatmulItem& item) {
  const Weight& weight = item.weight;
  if (weight.layout != Layout::kRows) throw Error(ErrorCode::kInternal, "Vulkan: weights lie in rows");
  const MatmulPush push{rows_push(args.input.values),
                        rows_push(item.output),
                        recorder.count(args.rows),
                        weight_address(weight),
                        weight_address(item.bias),
                        recorder.tables(),
                        row_bytes(*weight.format, size_t(weight.columns))};
  if (weight.columns != push.from.columns || weight.rows != push.result.columns) {
    throw Error(ErrorCode::kInternal, "Vulkan: a weight doesn't fit its input and output");
  }
  const uint32_t tokens = uint32_t(recorder.rows(args.rows)), aligned = is_aligned(push.from);
  const std::string format = format_suffix(*weight.format);
  if (tokens <= kVecTokens) {
    recorder.dispatch(find_kernel("matmul_vec_" + format), {std::bit_ceil(tokens), aligned}, push,
                      {groups_for(weight.rows, kVecRows)});
    return;
  }
  const uint32_t tile = std::min(std::bit_ceil(tokens), kTileTokens);
  recorder.dispatch(find_kernel("matmul_tile_" + format), {tile, aligned}, push,
                    {groups_for(weight.rows, kTileRows), groups_for(tokens, tile)});
}

}  // namespace

void record(Recorder& recorder, const MatmulArgs& args) {
  if (!args.input.values) throw Error(ErrorCode::kInternal, "Vulkan: a matrix product without an input");
  for (int32_t i = 0; i < args.count; ++i) record_item(recorder, args, args.items[size_t(i)]);
}

}  // namespace vivace::vulkan
