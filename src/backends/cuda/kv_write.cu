// Keys and values of the step into the pages: a warp encodes 32 columns of a head.
#include <string>

#include "backends/cuda/kernels.h"
#include "backends/cuda/kv_pages.h"
#include "backends/cuda/rows.h"
#include "base/error.h"

namespace vivace::cuda {

KvPages kv_pages(const KvLayer& kv) {
  const Format format = kv.format->format;
  const bool known =
      format == Format::kF32 || format == Format::kF16 || format == Format::kQ8_0 || format == Format::kQ4_0;
  const int32_t block = static_cast<int32_t>(kv.format->block_columns);
  if (!known || kv.key_dim % block != 0 || kv.value_dim % block != 0) {
    throw Error(ErrorCode::kUnsupported,
                "CUDA can't keep heads of " + std::to_string(kv.key_dim) + " and " + std::to_string(kv.value_dim) +
                    " values in a KV cache of " + kv.format->name,
                "choose the KV type f16");
  }
  if (kv.slabs->slabs.size() > kMostSlabs) {
    throw Error(ErrorCode::kUnsupported, "CUDA: a KV cache of more than " + std::to_string(kMostSlabs) + " slabs");
  }
  KvPages pages{};
  for (size_t i = 0; i < kv.slabs->slabs.size(); ++i) {
    pages.slabs[i] = device_address(kv.slabs->slabs[i], 0);
    pages.slab_pages[i] = static_cast<int32_t>(slab_pages(*kv.slabs, i));
  }
  pages.pages_per_slab = kv.slabs->pages_per_slab;
  pages.group = kv.group;
  pages.key_offset = static_cast<int64_t>(kv.key_offset);
  pages.value_offset = static_cast<int64_t>(kv.value_offset);
  pages.key_head_bytes = static_cast<int32_t>(kv_head_bytes(kv, true));
  pages.value_head_bytes = static_cast<int32_t>(kv_head_bytes(kv, false));
  pages.key_dim = kv.key_dim;
  pages.value_dim = kv.value_dim;
  pages.kv_heads = kv.kv_heads;
  return pages;
}

namespace {

constexpr int kWarps = 4;

struct KvWriteParams {
  RowsView keys, values;
  KvPages kv;
  StepView step;
  int32_t key_units, units;  // pieces of 32 columns: of the keys of all heads, of keys and values
};

VIVACE_DEVICE int clamp(int value, int low, int high) { return value < low ? low : value > high ? high : value; }

/// The value of largest magnitude of a warp, with its sign; the first of equals.
VIVACE_DEVICE float warp_extreme(float value) {
  float best = value;
  int lane = static_cast<int>(threadIdx.x) % 32;
  for (int step = 1; step < 32; step *= 2) {
    const float other = shuffle_xor(best, step);
    const int other_lane = shuffle_xor(lane, step);
    if (fabsf(other) > fabsf(best) || (fabsf(other) == fabsf(best) && other_lane < lane)) {
      best = other;
      lane = other_lane;
    }
  }
  return best;
}

/// A scale as f16, kept finite.
VIVACE_DEVICE uint16_t scale_to_half(float scale) { return float_to_half(fminf(fmaxf(scale, -65504.0f), 65504.0f)); }

/// Encodes a warp's 32 columns from `column` on as quant/formats/ do; `place(byte)` says where a byte of the row goes.
template <Format kFormat, class Place>
VIVACE_DEVICE void store_columns(uint8_t* head, int column, int columns, float value, Place place) {
  const int lane = column % 32;
  if constexpr (kFormat == Format::kF32) {
    if (column < columns) *reinterpret_cast<float*>(head + place(column * 4)) = value;
  } else if constexpr (kFormat == Format::kF16) {
    if (column < columns) *reinterpret_cast<uint16_t*>(head + place(column * 2)) = float_to_half(value);
  } else {
    const int block = column / 32 * KvFormat<kFormat>::kBlockBytes;
    const float extreme = warp_extreme(value);
    const float scale = kFormat == Format::kQ8_0 ? fabsf(extreme) / 127.0f : extreme / -8.0f;
    const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
    if (lane == 0) *reinterpret_cast<uint16_t*>(head + place(block)) = scale_to_half(scale);
    if constexpr (kFormat == Format::kQ8_0) {
      const int code = clamp(static_cast<int>(roundf(value * inverse)), -128, 127);
      head[place(block + 2 + lane)] = static_cast<uint8_t>(code);
    } else {
      const int code = clamp(static_cast<int>(value * inverse + 8.5f), 0, 15);
      const int upper = shuffle_xor(code, 16);
      if (lane < 16) head[place(block + 2 + lane)] = static_cast<uint8_t>(code | upper << 4);
    }
  }
}

template <Format kFormat>
VIVACE_KERNEL(32 * kWarps)
kv_write_kernel(const VIVACE_GRID_CONSTANT KvWriteParams params) {
  allow_next_kernel();
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.y);
  const int unit = static_cast<int>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / 32;
  if (row >= *params.step.tokens_count() || unit >= params.units) return;
  const KvPages& kv = params.kv;
  const bool keys = unit < params.key_units;
  const int columns = keys ? kv.key_dim : kv.value_dim, per_head = (columns + 31) / 32;
  const int index = keys ? unit : unit - params.key_units, head = index / per_head;
  const int column = index % per_head * 32 + static_cast<int>(threadIdx.x) % 32;
  const float* from = (keys ? params.keys : params.values)[row] + head * columns;
  const float value = column < columns ? from[column] : 0.0f;
  const int position = params.step.positions[row], slot = position % kPageTokens;
  const int page = params.step.page_table(kv.group, params.step.token_sequence[row])[position / kPageTokens];
  uint8_t* bytes = head_bytes(kv, page, head, keys);
  if (keys) {
    store_columns<kFormat>(bytes, column, columns, value,
                           [=](int byte) { return KvFormat<kFormat>::key_byte(byte, slot); });
  } else {
    const int row_bytes = kv.value_head_bytes / kPageTokens;
    store_columns<kFormat>(bytes, column, columns, value,
                           [=](int byte) { return KvFormat<kFormat>::value_byte(byte, slot, row_bytes); });
  }
}

}  // namespace

void enqueue_kv_write(const Launch& launch, const KvWriteArgs& args) {
  KvWriteParams params{};
  params.keys = rows_view(args.keys);
  params.values = rows_view(args.values);
  params.kv = kv_pages(args.kv);
  params.step = launch.step;
  params.key_units = args.kv.kv_heads * ((args.kv.key_dim + 31) / 32);
  params.units = params.key_units + args.kv.kv_heads * ((args.kv.value_dim + 31) / 32);
  const dim3 grid(static_cast<unsigned>(params.units + kWarps - 1) / kWarps, static_cast<unsigned>(launch.tokens));
  visit_kv_format(args.kv.format->format, [&](auto format) {
    launch_kernel(launch, kv_write_kernel<decltype(format)::value>, grid, 32 * kWarps, 0, params);
  });
}

}  // namespace vivace::cuda
