// The forms of an activation that the matmuls read. A step of at most kVecTokens rows is multiplied in int8: codes with
// a scale per 32 columns, in the order of the B fragments of mma.m16n8k32. A larger step is multiplied in bf16, by
// rows. Weights in 16 bits (F16, BF16) read bf16 at every size.
//
// The int8 part lies first and has room for kVecTokens rows, whatever the activation's own number of rows:
//   codes      [tile of 8 rows][padded columns / 64][row of the tile][4 lanes][16 bytes]: columns 4 * lane.. and
//              16 + 4 * lane.. of the first 32 columns, then the same of the second
//   scales     [tile][padded columns / 32][row] of {scale, scale * sum of the codes}
//   half sums  [tile][padded columns / 32][row] of scale * sum of the first 16 codes
// Then bf16 values [rows][padded columns]. Of each 16 columns the pairs 0, 2, 4, 6 come first, then 1, 3, 5, 7, so that
// the four values which a lane needs for a step of mma.m16n8k16 are columns 4 * lane.. of a weight.
// Columns are padded with zeros to a multiple of 64.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cuda/device_math.h"
#include "device/tensor.h"

namespace vivace::cuda {

/// Largest bucket of rows that the int8 kernels for few tokens take.
constexpr int kVecTokens = 32;

constexpr PreparedKinds kPreparedInt8 = 1;  // int8 up to kVecTokens rows, bf16 above
constexpr PreparedKinds kPreparedBf16 = 2;  // bf16 at every size

/// The form that a weight in this format reads; 0: the f32 values.
constexpr PreparedKinds prepared_kind_of(Format format) {
  if (format == Format::kF32) return 0;
  return format == Format::kF16 || format == Format::kBF16 ? kPreparedBf16 : kPreparedInt8;
}

constexpr int padded_columns(int columns) { return (columns + 63) / 64 * 64; }

constexpr size_t prepared_codes_bytes(int columns) { return size_t{kVecTokens} * padded_columns(columns); }
constexpr size_t prepared_scales_bytes(int columns) { return prepared_codes_bytes(columns) / 4; }
constexpr size_t prepared_half_sums_bytes(int columns) { return prepared_codes_bytes(columns) / 8; }

constexpr size_t prepared_int8_bytes(int columns) {
  return prepared_codes_bytes(columns) + prepared_scales_bytes(columns) + prepared_half_sums_bytes(columns);
}

/// Bytes of an activation [rows, columns] in these forms.
constexpr size_t prepared_form_bytes(PreparedKinds kinds, int columns, int rows) {
  if (kinds == 0) return 0;
  return (kinds & kPreparedInt8 ? prepared_int8_bytes(columns) : 0) + size_t(rows) * padded_columns(columns) * 2;
}

struct PreparedScale {
  float scale, scaled_sum;
};

/// Where the forms lie; null where a step of this size doesn't use one.
struct PreparedView {
  uint8_t* codes = nullptr;
  PreparedScale* scales = nullptr;
  float* half_sums = nullptr;
  uint16_t* halves = nullptr;  // bf16
  int32_t columns = 0;         // padded
};

/// The forms that a step whose bucket is `bucket` rows writes and reads; `data` is where the prepared activation lies.
inline PreparedView prepared_view(uint8_t* data, PreparedKinds kinds, int columns, int bucket) {
  PreparedView view;
  view.columns = padded_columns(columns);
  if ((kinds & kPreparedInt8) && bucket <= kVecTokens) {
    view.codes = data;
    view.scales = reinterpret_cast<PreparedScale*>(data + prepared_codes_bytes(columns));
    view.half_sums = reinterpret_cast<float*>(data + prepared_codes_bytes(columns) + prepared_scales_bytes(columns));
  }
  if ((kinds & kPreparedBf16) || bucket > kVecTokens) {
    view.halves = reinterpret_cast<uint16_t*>(data + (kinds & kPreparedInt8 ? prepared_int8_bytes(columns) : 0));
  }
  return view;
}

#if defined(VIVACE_DEVICE)
/// Stores columns column..column + 3 (zeros beyond the activation's own) of a row in the view's forms. All lanes of a
/// warp call together and lane l holds the columns 4 * l after lane 0's, a multiple of 32; columns beyond the padded
/// ones are skipped. So a block loops `for (base = 0; base < view.columns; base += 4 * threads)` without leaving early.
VIVACE_DEVICE void store_prepared(const PreparedView& view, int row, int column, const float (&values)[4]) {
  const bool inside = column < view.columns;
  if (view.halves && inside) {
    uint32_t* pairs = reinterpret_cast<uint32_t*>(view.halves + int64_t{row} * view.columns + column / 16 * 16);
    pairs[column % 16 / 4] = pack_bf16(values[0], values[1]);
    pairs[column % 16 / 4 + 4] = pack_bf16(values[2], values[3]);
  }
  if (!view.codes) return;
  float peak = fmaxf(fmaxf(fabsf(values[0]), fabsf(values[1])), fmaxf(fabsf(values[2]), fabsf(values[3])));
  for (int step = 1; step < 8; step *= 2) peak = fmaxf(peak, shuffle_xor(peak, step));
  const float scale = peak * (1.0f / 127.0f);
  const float inverse = peak > 0x1p-110f ? 127.0f / peak : 0.0f;
  int sum = 0;
  uint32_t codes = 0;
  for (int i = 0; i < 4; ++i) {
    const int code = round_to_int(values[i] * inverse);
    sum += code;
    codes |= static_cast<uint32_t>(code & 255) << (8 * i);
  }
  for (int step = 1; step < 4; step *= 2) sum += shuffle_xor(sum, step);
  const int both = sum + shuffle_xor(sum, 4);
  if (!inside) return;
  const int quad = column % 32 / 4, tile = row / 8, lane = row % 8 * 4 + quad % 4;
  const int64_t unit = int64_t{tile} * (view.columns / 64) + column / 64;
  uint32_t* words = reinterpret_cast<uint32_t*>(view.codes + (unit * 32 + lane) * 16);
  words[column / 32 % 2 * 2 + quad / 4] = codes;
  if (quad == 0) {
    const int64_t group = (int64_t{tile} * (view.columns / 32) + column / 32) * 8 + row % 8;
    view.scales[group] = {scale, scale * static_cast<float>(both)};
    view.half_sums[group] = scale * static_cast<float>(sum);
  }
}
#endif

}  // namespace vivace::cuda
