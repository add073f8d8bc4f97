// Attention of a block of queries over the pages of one KV head: tiles of 256 positions cut by absolute position, each
// with its own maximum, sum and output (online softmax, Milakov and Gimelshein 2018; FlashAttention, Dao et al. 2022),
// merged in ascending order. A query's bits depend on its own values and positions alone: what shares its block only
// shares the loads. Included by instruction-set translation units after their shim and kernels/math.h.
#pragma once

#include <cfloat>

#include "backends/cpu/row_kernels.h"

namespace vivace::VIVACE_ISA {

constexpr int32_t kTile = 256, kPage = 32;

/// Positions [begin, end) that a query sees of a tile, counted from the tile's start.
struct Span {
  int32_t begin, end;
};

struct AttentionBlock {
  const AttentionTask& task;
  int32_t rows, key_row, value_row;  // query rows; floats of a padded key and value
  float* queries = nullptr;          // [rows, key_row]
  float* scores = nullptr;           // [rows, kTile], then the weights
  float* tile_output = nullptr;      // [rows, value_row]
  float* output = nullptr;           // [rows, value_row]
  float* tile_max = nullptr;         // [rows]
  float* tile_sum = nullptr;         // [rows]
  float* most = nullptr;             // [rows]
  float* sum = nullptr;              // [rows]
  float* page = nullptr;             // [kPage, key_row or value_row]
};

static AttentionBlock attention_block(const AttentionTask& task) {
  const int32_t rows = task.tokens * task.group;
  const int32_t key = static_cast<int32_t>(attention_row(task.key_dim));
  const int32_t value = static_cast<int32_t>(attention_row(task.value_dim));
  const size_t stats = attention_row(rows);
  float* at = task.scratch;
  auto take = [&at](size_t floats) {
    float* begin = at;
    at += floats;
    return begin;
  };
  const size_t count = static_cast<size_t>(rows);
  AttentionBlock block{task, rows, key, value};
  block.queries = take(count * key);
  block.scores = take(count * kTile);
  block.tile_output = take(count * value);
  block.output = take(count * value);
  block.tile_max = take(stats);
  block.tile_sum = take(stats);
  block.most = take(stats);
  block.sum = take(stats);
  block.page = at;
  return block;
}

static Span visible(const AttentionTask& task, int32_t token, int32_t tile) {
  const int32_t position = task.positions[token];
  int32_t begin = task.window > 0 ? position - task.window + 1 : 0;
  int32_t end = position + 1;
  begin = begin > tile ? begin - tile : 0;
  end = end - tile < kTile ? end - tile : kTile;
  return {begin, end};
}

/// `count` rows of `dim` values to f32 rows of `stride`, the rest zero.
static void unpack_rows(Format format, const uint8_t* data, int32_t dim, int32_t count, float* out, int32_t stride) {
  for (int32_t row = 0; row < count; ++row, out += stride) {
    if (format == Format::kQ8_0) {
      for (int32_t i = 0; i < dim; i += 32, data += 34) {
        float halves[16];
        store_f32(halves, load_f16(data));  // the first is the block's scale
        const F32x16 scale = set_f32(halves[0]);
        store_f32(out + i, mul(scale, to_f32(load_i8(data + 2))));
        store_f32(out + i + 16, mul(scale, to_f32(load_i8(data + 18))));
      }
      continue;
    }
    const int32_t whole = dim / 16 * 16, rest = dim - whole;
    if (format == Format::kF16) {
      for (int32_t i = 0; i < whole; i += 16) store_f32(out + i, load_f16(data + 2 * i));
      if (rest != 0) {
        uint8_t halves[32] = {};
        __builtin_memcpy(halves, data + 2 * whole, static_cast<size_t>(rest) * 2);
        store_f32(out + whole, load_f16(halves));
      }
      data += 2 * dim;
    } else {
      const float* values = reinterpret_cast<const float*>(data);
      for (int32_t i = 0; i < whole; i += 16) store_f32(out + i, load_f32(values + i));
      if (rest != 0) store_f32(out + whole, load_part_f32(values + whole, rest));
      data += 4 * dim;
    }
  }
}

VIVACE_SIMD size_t kv_row_bytes(Format format, int32_t dim) {
  const size_t n = static_cast<size_t>(dim);
  return format == Format::kQ8_0 ? n / 32 * 34 : format == Format::kF16 ? n * 2 : n * 4;
}

/// Unpacks rows [begin, end) of a page's keys or values to the same rows of block.page.
static void unpack_page(const AttentionBlock& block, int32_t page_index, bool keys, Span rows) {
  const AttentionTask& task = block.task;
  const int32_t page = task.page_table[page_index];
  const uint8_t* data = task.slabs[page / task.pages_per_slab] +
                        static_cast<size_t>(page % task.pages_per_slab) * task.page_bytes +
                        (keys ? task.key_offset : task.value_offset);
  const int32_t dim = keys ? task.key_dim : task.value_dim, stride = keys ? block.key_row : block.value_row;
  unpack_rows(task.format, data + static_cast<size_t>(rows.begin) * kv_row_bytes(task.format, dim), dim,
              rows.end - rows.begin, block.page + static_cast<size_t>(rows.begin) * stride, stride);
}

/// out[0..15] = query . key for 16 rows of keys.
VIVACE_SIMD void dot_keys(const float* query, const float* keys, int32_t key_row, float* out) {
  F32x16 sums[16];
  for (int32_t first = 0; first < 16; first += kDotRows) {
    F32x16 acc[kDotRows];
    for (int i = 0; i < kDotRows; ++i) acc[i] = zero_f32();
    for (int32_t k = 0; k < key_row; k += 16) {
      const F32x16 q = load_f32(query + k);
#pragma GCC unroll 16
      for (int i = 0; i < kDotRows; ++i) acc[i] = fma(q, load_f32(keys + (first + i) * key_row + k), acc[i]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kDotRows; ++i) sums[first + i] = acc[i];
  }
  store_f32(out, reduce_add_each(sums));
}

/// Scores of the tile at position `tile`, without scale, for the positions that any row of the block sees.
static void score_tile(const AttentionBlock& block, int32_t tile, Span seen) {
  const AttentionTask& task = block.task;
  for (int32_t page = seen.begin / kPage; page * kPage < seen.end; ++page) {
    const int32_t first = page * kPage;
    const int32_t begin = seen.begin > first ? (seen.begin - first) / 16 * 16 : 0;
    const int32_t end = seen.end - first > 16 ? kPage : 16;
    unpack_page(block, tile / kPage + page, true, {begin, end});
    for (int32_t token = 0; token < task.tokens; ++token) {
      const Span span = visible(task, token, tile);
      for (int32_t at = begin; at < end; at += 16) {
        if (first + at >= span.end || first + at + 16 <= span.begin) continue;
        for (int32_t row = token * task.group; row < (token + 1) * task.group; ++row) {
          dot_keys(block.queries + static_cast<size_t>(row) * block.key_row,
                   block.page + static_cast<size_t>(at) * block.key_row, block.key_row,
                   block.scores + static_cast<size_t>(row) * kTile + first + at);
        }
      }
    }
  }
}

/// Scores of one row to weights e^(score - maximum), 0 where the row sees nothing; the row's maximum and sum.
static void softmax_row(const AttentionTask& task, float* scores, Span span, float* tile_max, float* tile_sum) {
  float counts[16];
  for (int i = 0; i < 16; ++i) counts[i] = static_cast<float>(i);
  const F32x16 lanes = load_f32(counts), hidden = set_f32(-__builtin_inff());
  const F32x16 scale = set_f32(task.scale), cap = set_f32(task.score_cap);
  const F32x16 before = set_f32(static_cast<float>(span.begin) - 0.5f), after = set_f32(static_cast<float>(span.end));
  const int32_t begin = span.begin / 16 * 16;
  F32x16 most = set_f32(-FLT_MAX);
  for (int32_t i = begin; i < span.end; i += 16) {
    F32x16 s = mul(load_f32(scores + i), scale);
    if (task.score_cap > 0) s = mul(cap, tanh(div(s, cap)));
    const F32x16 at = add(lanes, set_f32(static_cast<float>(i)));
    s = select_greater(at, before, select_greater(after, at, s, hidden), hidden);
    store_f32(scores + i, s);
    most = max(s, most);
  }
  const float largest = reduce_max(most);
  const F32x16 minus = set_f32(-largest);
  F32x16 sum = zero_f32();
  for (int32_t i = begin; i < span.end; i += 16) {
    const F32x16 p = exp(add(load_f32(scores + i), minus));
    store_f32(scores + i, p);
    sum = add(sum, p);
  }
  *tile_max = largest;
  *tile_sum = reduce_add(sum);
}

/// out[r][0..16 * kVectors) += sum over positions [span) of weights[r][position] * values[position], position by
/// position.
template <int kRows, int kVectors>
VIVACE_SIMD void add_values(const float* weights, const float* values, int32_t value_row, Span span, float* out) {
  F32x16 acc[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) acc[r][v] = load_f32(out + r * value_row + 16 * v);
  }
  for (int32_t j = span.begin; j < span.end; ++j) {
    F32x16 value[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) value[v] = load_f32(values + j * value_row + 16 * v);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const F32x16 p = set_f32(weights[r * kTile + j]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) acc[r][v] = fma(p, value[v], acc[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) store_f32(out + r * value_row + 16 * v, acc[r][v]);
  }
}

template <int kRows>
static void add_value_columns(const float* weights, const float* values, int32_t value_row, Span span, float* out) {
  if (span.begin >= span.end) return;
  int32_t column = 0;
  for (; column + 16 * kValueVectors <= value_row; column += 16 * kValueVectors) {
    add_values<kRows, kValueVectors>(weights, values + column, value_row, span, out + column);
  }
  for (; column < value_row; column += 16) {
    add_values<kRows, 1>(weights, values + column, value_row, span, out + column);
  }
}

/// The page's part of `span`, counted from the page's start.
VIVACE_SIMD Span of_page(Span span, int32_t first) {
  const int32_t begin = span.begin - first, end = span.end - first;
  return {begin > 0 ? begin : 0, end < kPage ? end : kPage};
}

/// Some rows from `row` on over one page: together where all see it, alone before and after.
static void add_page(const AttentionBlock& block, int32_t tile, int32_t first, int32_t row, int32_t count) {
  Span spans[kValueRows];
  Span common{0, kPage};
  for (int32_t r = 0; r < count; ++r) {
    spans[r] = of_page(visible(block.task, (row + r) / block.task.group, tile), first);
    if (spans[r].begin > common.begin) common.begin = spans[r].begin;
    if (spans[r].end < common.end) common.end = spans[r].end;
  }
  const float* weights = block.scores + static_cast<size_t>(row) * kTile + first;
  float* out = block.tile_output + static_cast<size_t>(row) * block.value_row;
  if (count < kValueRows || common.begin >= common.end) common = {kPage, kPage};
  for (int32_t r = 0; r < count; ++r) {
    const Span head{spans[r].begin, spans[r].end < common.begin ? spans[r].end : common.begin};
    add_value_columns<1>(weights + r * kTile, block.page, block.value_row, head, out + r * block.value_row);
  }
  if (common.begin >= common.end) return;
  add_value_columns<kValueRows>(weights, block.page, block.value_row, common, out);
  for (int32_t r = 0; r < count; ++r) {
    const Span tail{common.end, spans[r].end};
    add_value_columns<1>(weights + r * kTile, block.page, block.value_row, tail, out + r * block.value_row);
  }
}

/// tile_output = weights x values over the tile.
static void value_tile(const AttentionBlock& block, int32_t tile, Span seen) {
  const size_t floats = static_cast<size_t>(block.rows) * block.value_row;
  for (size_t i = 0; i < floats; i += 16) store_f32(block.tile_output + i, zero_f32());
  for (int32_t page = seen.begin / kPage; page * kPage < seen.end; ++page) {
    const int32_t first = page * kPage;
    unpack_page(block, tile / kPage + page, false, of_page(seen, first));
    for (int32_t row = 0; row < block.rows; row += kValueRows) {
      add_page(block, tile, first, row, block.rows - row < kValueRows ? block.rows - row : kValueRows);
    }
  }
}

/// Adds the tile's result of one row to the row's.
static void merge_row(const AttentionBlock& block, int32_t row) {
  const float most = block.tile_max[row] > block.most[row] ? block.tile_max[row] : block.most[row];
  float factors[16] = {block.most[row] - most, block.tile_max[row] - most};
  store_f32(factors, exp(load_f32(factors)));
  block.most[row] = most;
  block.sum[row] = block.sum[row] * factors[0] + block.tile_sum[row] * factors[1];
  const F32x16 a = set_f32(factors[0]), b = set_f32(factors[1]);
  float* out = block.output + static_cast<size_t>(row) * block.value_row;
  const float* part = block.tile_output + static_cast<size_t>(row) * block.value_row;
  for (int32_t i = 0; i < block.value_row; i += 16) {
    store_f32(out + i, fma(load_f32(part + i), b, mul(load_f32(out + i), a)));
  }
}

static void begin_rows(const AttentionBlock& block) {
  const AttentionTask& task = block.task;
  for (int32_t row = 0; row < block.rows; ++row) {
    const int32_t token = row / task.group, head = row % task.group;
    const float* from = task.queries + token * task.query_stride + static_cast<int64_t>(head) * task.key_dim;
    float* query = block.queries + static_cast<size_t>(row) * block.key_row;
    for (int32_t i = 0; i < block.key_row; i += 16) {
      const int32_t rest = task.key_dim - i;
      store_f32(query + i, rest >= 16 ? load_f32(from + i) : load_part_f32(from + i, rest));
    }
    float* out = block.output + static_cast<size_t>(row) * block.value_row;
    for (int32_t i = 0; i < block.value_row; i += 16) store_f32(out + i, zero_f32());
    // A sink is a position with its own score and no value.
    block.most[row] = task.sinks ? task.sinks[head] : -FLT_MAX;
    block.sum[row] = task.sinks ? 1.0f : 0.0f;
  }
}

static void end_rows(const AttentionBlock& block) {
  const AttentionTask& task = block.task;
  for (int32_t row = 0; row < block.rows; ++row) {
    const int32_t token = row / task.group, head = row % task.group;
    float* to = task.output + token * task.output_stride + static_cast<int64_t>(head) * task.value_dim;
    const float* out = block.output + static_cast<size_t>(row) * block.value_row;
    const F32x16 inverse = set_f32(1.0f / block.sum[row]);
    for (int32_t i = 0; i < task.value_dim; i += 16) {
      const F32x16 y = mul(load_f32(out + i), inverse);
      task.value_dim - i >= 16 ? store_f32(to + i, y) : store_part_f32(to + i, y, task.value_dim - i);
    }
  }
}

static void attention(const AttentionTask& task) {
  const AttentionBlock block = attention_block(task);
  begin_rows(block);
  const int32_t last = task.positions[task.tokens - 1];
  const int32_t lowest = task.window > 0 && task.positions[0] >= task.window ? task.positions[0] - task.window + 1 : 0;
  for (int32_t tile = lowest / kTile * kTile; tile <= last; tile += kTile) {
    const Span seen{lowest > tile ? lowest - tile : 0, last + 1 - tile < kTile ? last + 1 - tile : kTile};
    score_tile(block, tile, seen);
    for (int32_t row = 0; row < block.rows; ++row) {
      const Span span = visible(task, row / task.group, tile);
      if (span.begin >= span.end) continue;
      softmax_row(task, block.scores + static_cast<size_t>(row) * kTile, span, block.tile_max + row,
                  block.tile_sum + row);
    }
    value_tile(block, tile, seen);
    for (int32_t row = 0; row < block.rows; ++row) {
      const Span span = visible(task, row / task.group, tile);
      if (span.begin < span.end) merge_row(block, row);
    }
  }
  end_rows(block);
}

}  // namespace vivace::VIVACE_ISA
