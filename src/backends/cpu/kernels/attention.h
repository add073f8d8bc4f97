// Attention of a block of queries over the pages of one KV head: tiles of 256 positions cut by absolute position, each
// with its own maximum, sum and output (online softmax, Milakov and Gimelshein 2018; FlashAttention, Dao et al. 2022),
// merged in ascending order. A query's bits depend on its own values and positions alone: what shares its block only
// shares the loads, and tiles may be computed elsewhere. Included by instruction-set translation units after their shim
// and kernels/math.h.
#pragma once

#include "backends/cpu/kernels/attention_pairs.h"
#include "backends/cpu/kernels/kv_page.h"
#include "backends/cpu/kernels/unroll.h"
#include "backends/cpu/row_kernels.h"

namespace vivace::VIVACE_ISA {

constexpr float kLowest = -0x1.fffffep127f;  // of all finite floats
constexpr int32_t kTile = 256;
constexpr int32_t kDirectRows = 8;  // so few rows read the pages as they are, more share an unpacked one
constexpr int32_t kPagesAhead = 3;  // that are prefetched
constexpr float kLog2E = 1.44269504f;

/// Positions [begin, end) that a query sees of a tile, counted from the tile's start.
struct Span {
  int32_t begin, end;
};

/// Online softmax of the rows over some positions: scores are in powers of two, outputs not yet divided by the sum.
struct PartialSoftmax {
  float* output;  // [rows, value_row]
  float* most;    // [rows]
  float* sum;     // [rows]
};

struct AttentionBlock {
  const AttentionTask& task;
  int32_t rows, key_row, value_row;  // query rows; floats of a padded key and value
  float* queries = nullptr;          // [rows, key_row], times the scale
  float* scores = nullptr;           // [rows, kScoreRow], then the weights
  float* page = nullptr;             // [key_dim, kPage] or [kPage, value_row]
  PartialSoftmax tile{}, all{};
};

VIVACE_SIMD PartialSoftmax partial_softmax(float* at, int32_t rows, int32_t value_row) {
  float* most = at + static_cast<size_t>(rows) * static_cast<size_t>(value_row);
  return {at, most, most + attention_row(rows)};
}

static AttentionBlock attention_block(const AttentionTask& task) {
  const int32_t rows = task.tokens * task.group;
  AttentionBlock block{task, rows, static_cast<int32_t>(attention_row(task.key_dim)),
                       static_cast<int32_t>(attention_row(task.value_dim))};
  const size_t part = attention_part(rows, task.value_dim);
  block.queries = task.scratch;
  block.scores = block.queries + static_cast<size_t>(rows) * static_cast<size_t>(block.key_row);
  float* parts = block.scores + static_cast<size_t>(rows) * kAttentionScoreRow;
  block.tile = partial_softmax(parts, rows, block.value_row);
  block.all = partial_softmax(parts + part, rows, block.value_row);
  block.page = parts + 2 * part;
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

/// The page's part of `span`, counted from the page's start.
VIVACE_SIMD Span of_page(Span span, int32_t first) {
  const int32_t begin = span.begin - first, end = span.end - first;
  return {begin > 0 ? begin : 0, end < kPage ? end : kPage};
}

/// Whether any of some rows sees any of the page at `first` of the tile.
static bool sees(const AttentionTask& task, int32_t row, int32_t rows, int32_t tile, int32_t first) {
  return visible(task, (row + rows - 1) / task.group, tile).end > first &&
         visible(task, row / task.group, tile).begin < first + kPage;
}

/// The KV head's keys or values in the page that holds `position`.
static const uint8_t* page_of(const AttentionTask& task, int32_t position, bool keys) {
  const int32_t page = task.page_table[position / kPage], slab = page / task.pages_per_slab;
  const size_t pages = static_cast<size_t>(task.slab_pages[slab]), at = static_cast<size_t>(page % task.pages_per_slab);
  return task.slabs[slab] +
         (keys ? pages * task.key_offset + at * task.key_bytes : pages * task.value_offset + at * task.value_bytes);
}

/// Rows that are taken together of `left`, at most kMost: 1 to 4 or kMost, so that few counts are compiled.
template <int kMost>
VIVACE_SIMD int32_t next_rows(int32_t left) {
  constexpr int32_t kFew = kMost < 4 ? kMost : 4;
  return left >= kMost ? kMost : left < kFew ? left : kFew;
}

/// body(Index<count>()) for a count of next_rows().
template <int kMost, class Body>
VIVACE_SIMD void with_rows(int32_t count, const Body& body) {
  if constexpr (kMost > 1) {
    if (count < kMost) return with_rows<(kMost > 5 ? 4 : kMost - 1)>(count, body);
  }
  body(Index<kMost>());
}

/// scores[r][0..16 * kVectors) = queries[r] . keys of as many positions from `first` on, column by column.
template <class Kv, int kRows, int kVectors>
static void score_rows(const float* queries, int32_t key_row, const uint8_t* keys, int32_t first, int32_t dim,
                       const uint8_t* next, float* scores) {
  F32x16 acc[kRows][kVectors];
  unroll<kRows>([&](auto r) VIVACE_INLINE_LAMBDA {
    unroll<kVectors>([&](auto v) VIVACE_INLINE_LAMBDA { acc[r][v] = zero_f32(); });
  });
  keys += first * Kv::kBlockBytes;
  for (int32_t i = 0; i < dim; ++i, ++queries, keys += Kv::kBlockBytes * kPage) {
    F32x16 key[kVectors];
    unroll<kVectors>([&](auto v) VIVACE_INLINE_LAMBDA { key[v] = Kv::key(keys + 16 * v * Kv::kBlockBytes); });
    if (next != nullptr) prefetch(next + i * (Kv::kBlockBytes * kPage));
    unroll<kRows>([&](auto r) VIVACE_INLINE_LAMBDA {
      const F32x16 query = set_f32(queries[r * key_row]);
      unroll<kVectors>([&](auto v) VIVACE_INLINE_LAMBDA { acc[r][v] = fma(query, key[v], acc[r][v]); });
    });
  }
  unroll<kRows>([&](auto r) VIVACE_INLINE_LAMBDA {
    unroll<kVectors>([&](auto v) VIVACE_INLINE_LAMBDA { store_f32(scores + r * kScoreRow + 16 * v, acc[r][v]); });
  });
}

/// out[r][0..16 * kVectors) += sum over positions of weights[r][position] * values[position] from column vector
/// `column` on, position by position.
template <class Kv, int kRows, int kVectors>
static void add_values(const float* weights, const uint8_t* values, size_t row_bytes, int32_t column, int32_t count,
                       const uint8_t* next, float* out, int32_t out_row) {
  F32x16 acc[kRows][kVectors];
  unroll<kRows>([&](auto r) VIVACE_INLINE_LAMBDA {
    unroll<kVectors>([&](auto v) VIVACE_INLINE_LAMBDA { acc[r][v] = load_f32(out + r * out_row + 16 * v); });
  });
  for (int32_t j = 0; j < count; ++j, values += row_bytes) {
    F32x16 value[kVectors];
    unroll<kVectors>([&](auto v) VIVACE_INLINE_LAMBDA { value[v] = Kv::value(values, column + v); });
    if (next != nullptr) {
      for (size_t line = 0; line < row_bytes; line += 64) prefetch(next + j * row_bytes + line);
    }
    unroll<kRows>([&](auto r) VIVACE_INLINE_LAMBDA {
      const F32x16 weight = set_f32(weights[r * kScoreRow + j]);
      unroll<kVectors>([&](auto v) VIVACE_INLINE_LAMBDA { acc[r][v] = fma(weight, value[v], acc[r][v]); });
    });
  }
  unroll<kRows>([&](auto r) VIVACE_INLINE_LAMBDA {
    unroll<kVectors>([&](auto v) VIVACE_INLINE_LAMBDA { store_f32(out + r * out_row + 16 * v, acc[r][v]); });
  });
}

template <class Kv, int kRows>
constexpr auto score_function() {
  if constexpr (Kv::kColumns > 1) {
    return score_coded_rows<Kv, kRows, kScoreVectors>;
  } else {
    return score_rows<Kv, kRows, kScoreVectors>;
  }
}

/// Scores of the page at `first` of the tile for the rows that see any of it.
template <class Kv, int kMostRows>
static void score_page(const AttentionBlock& block, int32_t tile, int32_t first, const uint8_t* keys,
                       const uint8_t* next) {
  const AttentionTask& task = block.task;
  for (int32_t row = 0, count = 0; row < block.rows; row += count) {
    count = next_rows<kMostRows>(block.rows - row);
    if (!sees(task, row, count, tile, first)) continue;
    const float* queries = block.queries + static_cast<size_t>(row) * block.key_row;
    float* scores = block.scores + static_cast<size_t>(row) * kScoreRow + first;
    with_rows<kMostRows>(count, [&](auto rows) VIVACE_INLINE_LAMBDA {
      for (int32_t at = 0; at < kPage; at += 16 * kScoreVectors) {
        constexpr auto score = score_function<Kv, rows>();
        score(queries, block.key_row, keys, at, task.key_dim, at == 0 ? next : nullptr, scores + at);
      }
    });
  }
}

/// The weights of a row that sees nothing of the tile but shares pages with rows that do.
VIVACE_SIMD void clear_row(const AttentionBlock& block, int32_t row) {
  float* weights = block.scores + static_cast<size_t>(row) * kScoreRow;
  for (int32_t i = 0; i < kTile; i += 16) store_f32(weights + i, zero_f32());
}

/// Scores of one row to weights 2^(score - maximum), 0 where the row sees nothing; the row's maximum and sum.
static void softmax_row(const AttentionTask& task, float* scores, Span span, float* tile_most, float* tile_sum) {
  const int32_t begin = span.begin / 16 * 16, end = (span.end + 15) / 16 * 16;
  if (task.score_cap > 0) {
    const F32x16 inverse = set_f32(1.0f / task.score_cap), cap = set_f32(task.score_cap * kLog2E);
    for (int32_t i = begin; i < end; i += 16) {
      store_f32(scores + i, mul(cap, tanh(mul(load_f32(scores + i), inverse))));
    }
  }
  for (int32_t i = begin; i < span.begin; ++i) scores[i] = -__builtin_inff();
  for (int32_t i = span.end; i < end; ++i) scores[i] = -__builtin_inff();
  F32x16 most = set_f32(kLowest);
  for (int32_t i = begin; i < end; i += 16) most = max(load_f32(scores + i), most);
  const float largest = reduce_max(most);
  const F32x16 minus = set_f32(-largest);
  F32x16 sum = zero_f32();
  for (int32_t i = begin; i < end; i += 16) {
    const F32x16 p = exp2_of_negative(add(load_f32(scores + i), minus));
    store_f32(scores + i, p);
    sum = add(sum, p);
  }
  for (int32_t i = 0; i < begin; i += 16) store_f32(scores + i, zero_f32());
  for (int32_t i = end; i < kTile; i += 16) store_f32(scores + i, zero_f32());
  *tile_most = largest;
  *tile_sum = reduce_add(sum);
}

/// Columns of some rows over positions [span) of a page; `weights` and `values` are of its first position.
template <class Kv, int kRows>
VIVACE_SIMD void add_columns(const AttentionBlock& block, const float* weights, const uint8_t* values, size_t row_bytes,
                             Span span, const uint8_t* next, float* out) {
  if (span.begin >= span.end) return;
  const size_t skipped = static_cast<size_t>(span.begin) * row_bytes;
  weights += span.begin;
  values += skipped;
  if (next != nullptr) next += skipped;
  const int32_t count = span.end - span.begin, vectors = block.value_row / 16;
  int32_t v = 0;
  for (; v + kValueVectors <= vectors; v += kValueVectors) {
    add_values<Kv, kRows, kValueVectors>(weights, values, row_bytes, v, count, v == 0 ? next : nullptr, out + 16 * v,
                                         block.value_row);
  }
  for (; v < vectors; ++v) {
    add_values<Kv, kRows, 1>(weights, values, row_bytes, v, count, v == 0 ? next : nullptr, out + 16 * v,
                             block.value_row);
  }
}

/// Some rows from `row` on over one page: together where all see it, alone before and after.
template <class Kv, int kRows>
static void add_page_rows(const AttentionBlock& block, int32_t tile, int32_t first, int32_t row, const uint8_t* values,
                          size_t row_bytes, const uint8_t* next) {
  Span spans[kRows];
  Span common{0, kPage};
  for (int32_t r = 0; r < kRows; ++r) {
    spans[r] = of_page(visible(block.task, (row + r) / block.task.group, tile), first);
    if (spans[r].begin > common.begin) common.begin = spans[r].begin;
    if (spans[r].end < common.end) common.end = spans[r].end;
  }
  if (common.begin >= common.end) common = {kPage, kPage};
  const float* weights = block.scores + static_cast<size_t>(row) * kScoreRow + first;
  float* out = block.tile.output + static_cast<size_t>(row) * block.value_row;
  auto alone = [&](int32_t r, Span span) VIVACE_INLINE_LAMBDA {
    add_columns<Kv, 1>(block, weights + r * kScoreRow, values, row_bytes, span, nullptr, out + r * block.value_row);
  };
  if constexpr (kRows > 1) {
    for (int32_t r = 0; r < kRows; ++r) {
      alone(r, {spans[r].begin, spans[r].end < common.begin ? spans[r].end : common.begin});
    }
  }
  add_columns<Kv, kRows>(block, weights, values, row_bytes, common, next, out);
  if constexpr (kRows > 1) {
    for (int32_t r = 0; r < kRows; ++r) alone(r, {common.end, spans[r].end});
  }
}

template <class Kv, int kMostRows>
static void add_page(const AttentionBlock& block, int32_t tile, int32_t first, const uint8_t* values, size_t row_bytes,
                     const uint8_t* next) {
  for (int32_t row = 0, count = 0; row < block.rows; row += count) {
    count = next_rows<kMostRows>(block.rows - row);
    with_rows<kMostRows>(count, [&](auto rows) VIVACE_INLINE_LAMBDA {
      add_page_rows<Kv, rows>(block, tile, first, row, values, row_bytes, next);
    });
  }
}

/// Pages of a block format: the codes are multiplied as they are, the next page is prefetched.
template <class Kv>
struct CodedPages {
  static void score(const AttentionBlock& block, int32_t tile, int32_t first, const uint8_t* next) {
    score_page<Kv, kScoreRows>(block, tile, first, page_of(block.task, tile + first, true), next);
  }
  static void add(const AttentionBlock& block, int32_t tile, int32_t first, Span, const uint8_t* next) {
    constexpr int32_t kBytes = Kv::kBlockBytes * kPage;
    const uint8_t* values = page_of(block.task, tile + first, false);
    for (int32_t row = 0, count = 0; row < block.rows; row += count) {
      count = next_rows<kScoreRows>(block.rows - row);
      if (!sees(block.task, row, count, tile, first)) continue;
      const float* weights = block.scores + static_cast<size_t>(row) * kScoreRow + first;
      float* out = block.tile.output + static_cast<size_t>(row) * block.value_row;
      with_rows<kScoreRows>(count, [&](auto rows) VIVACE_INLINE_LAMBDA {
        for (int32_t i = 0; i * 32 < block.task.value_dim; ++i) {
          add_coded_values<Kv, rows>(weights, values + i * kBytes, next ? next + i * kBytes : nullptr, out + 32 * i,
                                     block.value_row);
        }
      });
    }
  }
};

/// Few rows: straight from the pages, the next page prefetched.
template <class Kv>
struct DirectPages {
  static constexpr int kScores = kScoreRows < kDirectRows ? kScoreRows : kDirectRows;
  static void score(const AttentionBlock& block, int32_t tile, int32_t first, const uint8_t* next) {
    score_page<Kv, kScores>(block, tile, first, page_of(block.task, tile + first, true), next);
  }
  static void add(const AttentionBlock& block, int32_t tile, int32_t first, Span, const uint8_t* next) {
    add_page<Kv, kValueRows>(block, tile, first, page_of(block.task, tile + first, false),
                             kv_row_bytes<Kv>(block.task.value_dim), next);
  }
};

/// Many rows: each page is unpacked once for all of them.
template <class Kv>
struct UnpackedPages {
  static void score(const AttentionBlock& block, int32_t tile, int32_t first, const uint8_t*) {
    unpack_keys<Kv>(page_of(block.task, tile + first, true), block.task.key_dim, block.page);
    score_page<KvF32, kScoreRows>(block, tile, first, reinterpret_cast<const uint8_t*>(block.page), nullptr);
  }
  static void add(const AttentionBlock& block, int32_t tile, int32_t first, Span seen, const uint8_t*) {
    const int32_t dim = block.task.value_dim;
    const uint8_t* values = page_of(block.task, tile + first, false);
    unpack_values<Kv>(values + static_cast<size_t>(seen.begin) * kv_row_bytes<Kv>(dim), dim, seen.end - seen.begin,
                      block.page + static_cast<size_t>(seen.begin) * block.value_row, block.value_row);
    add_page<KvF32, kValueRows>(block, tile, first, reinterpret_cast<const uint8_t*>(block.page),
                                static_cast<size_t>(block.value_row) * sizeof(float), nullptr);
  }
};

/// The page that is read some pages after the one at `first`: all keys of a tile, all values, the keys of the next.
static const uint8_t* page_ahead(const AttentionTask& task, int32_t tile, Span seen, int32_t first, bool keys) {
  int32_t ahead = first + kPagesAhead * kPage;
  if (ahead < seen.end) return page_of(task, tile + ahead, keys);
  ahead -= (seen.end + kPage - 1) / kPage * kPage;
  if (keys) {
    ahead += seen.begin / kPage * kPage;
    return ahead < seen.end ? page_of(task, tile + ahead, false) : nullptr;
  }
  return tile + kTile + ahead < task.position_end ? page_of(task, tile + kTile + ahead, true) : nullptr;
}

/// The tile's maxima, sums and outputs of all rows, for the positions that any row sees.
template <class Pages>
static void attend_tile(const AttentionBlock& block, int32_t tile, Span seen) {
  const AttentionTask& task = block.task;
  const int32_t first_page = seen.begin / kPage * kPage;
  for (int32_t first = first_page; first < seen.end; first += kPage) {
    Pages::score(block, tile, first, page_ahead(task, tile, seen, first, true));
  }
  for (int32_t row = 0; row < block.rows; ++row) {
    const Span span = visible(task, row / task.group, tile);
    if (span.begin >= span.end) {
      clear_row(block, row);
      continue;
    }
    softmax_row(task, block.scores + static_cast<size_t>(row) * kScoreRow, span, block.tile.most + row,
                block.tile.sum + row);
  }
  const size_t floats = static_cast<size_t>(block.rows) * block.value_row;
  for (size_t i = 0; i < floats; i += 16) store_f32(block.tile.output + i, zero_f32());
  for (int32_t first = first_page; first < seen.end; first += kPage) {
    Pages::add(block, tile, first, of_page(seen, first), page_ahead(task, tile, seen, first, false));
  }
}

/// Adds the tile's result of one row to the row's.
static void merge_row(const AttentionBlock& block, int32_t row) {
  const PartialSoftmax &tile = block.tile, &all = block.all;
  const float most = tile.most[row] > all.most[row] ? tile.most[row] : all.most[row];
  float factors[16] = {all.most[row] - most, tile.most[row] - most};
  store_f32(factors, exp2_of_negative(load_f32(factors)));
  all.most[row] = most;
  all.sum[row] = all.sum[row] * factors[0] + tile.sum[row] * factors[1];
  const F32x16 a = set_f32(factors[0]), b = set_f32(factors[1]);
  float* out = all.output + static_cast<size_t>(row) * block.value_row;
  const float* part = tile.output + static_cast<size_t>(row) * block.value_row;
  for (int32_t i = 0; i < block.value_row; i += 16) {
    store_f32(out + i, fma(load_f32(part + i), b, mul(load_f32(out + i), a)));
  }
}

static void merge_tile(const AttentionBlock& block, int32_t tile) {
  for (int32_t row = 0; row < block.rows; ++row) {
    const Span span = visible(block.task, row / block.task.group, tile);
    if (span.begin < span.end) merge_row(block, row);
  }
}

static void load_queries(const AttentionBlock& block) {
  const AttentionTask& task = block.task;
  // A capped score becomes a power of two after the cap.
  const float scale = task.score_cap > 0 ? task.scale : task.scale * kLog2E;
  const bool coded = task.format == Format::kQ8_0 || task.format == Format::kQ4_0;
  const F32x16 factor = set_f32(coded ? 1.0f : scale);
  for (int32_t row = 0; row < block.rows; ++row) {
    const int32_t token = row / task.group, head = row % task.group;
    const float* from = task.queries + token * task.query_stride + static_cast<int64_t>(head) * task.key_dim;
    float* query = block.queries + static_cast<size_t>(row) * block.key_row;
    for (int32_t i = 0; i < block.key_row; i += 16) {
      const int32_t rest = task.key_dim - i;
      store_f32(query + i, mul(factor, rest >= 16 ? load_f32(from + i) : load_part_f32(from + i, rest)));
    }
    if (coded) encode_query(query, task.key_dim, task.format == Format::kQ4_0 ? KvQ4_0::kOffset : 0, scale);
  }
}

static void begin_rows(const AttentionBlock& block) {
  const AttentionTask& task = block.task;
  for (int32_t row = 0; row < block.rows; ++row) {
    float* out = block.all.output + static_cast<size_t>(row) * block.value_row;
    for (int32_t i = 0; i < block.value_row; i += 16) store_f32(out + i, zero_f32());
    // A sink is a position with its own score and no value.
    block.all.most[row] = task.sinks ? task.sinks[row % task.group] * kLog2E : kLowest;
    block.all.sum[row] = task.sinks ? 1.0f : 0.0f;
  }
}

static void end_rows(const AttentionBlock& block) {
  const AttentionTask& task = block.task;
  for (int32_t row = 0; row < block.rows; ++row) {
    const int32_t token = row / task.group, head = row % task.group;
    float* to = task.output + token * task.output_stride + static_cast<int64_t>(head) * task.value_dim;
    const float* out = block.all.output + static_cast<size_t>(row) * block.value_row;
    const F32x16 inverse = set_f32(1.0f / block.all.sum[row]);
    for (int32_t i = 0; i < task.value_dim; i += 16) {
      const F32x16 y = mul(load_f32(out + i), inverse);
      task.value_dim - i >= 16 ? store_f32(to + i, y) : store_part_f32(to + i, y, task.value_dim - i);
    }
  }
}

/// The part of [position_begin, position_end) of the tile that any row sees.
VIVACE_SIMD Span seen_of(const AttentionTask& task, int32_t tile) {
  const int32_t begin = task.position_begin - tile, end = task.position_end - tile;
  return {begin > 0 ? begin : 0, end < kTile ? end : kTile};
}

template <class Pages>
static void attend(const AttentionTask& task) {
  AttentionBlock block = attention_block(task);
  load_queries(block);
  if (task.parts == nullptr) begin_rows(block);
  float* part = task.parts;
  for (int32_t tile = task.position_begin / kTile * kTile; tile < task.position_end; tile += kTile) {
    if (part != nullptr) {
      block.tile = partial_softmax(part, block.rows, block.value_row);
      part += attention_part(block.rows, task.value_dim);
    }
    attend_tile<Pages>(block, tile, seen_of(task, tile));
    if (part == nullptr) merge_tile(block, tile);
  }
  if (part == nullptr) end_rows(block);
}

template <class Kv>
static void attend_format(const AttentionTask& task) {
  const bool whole = task.value_dim % 16 == 0;  // the last vector of a row is read whole
  whole&& task.tokens* task.group <= kDirectRows ? attend<DirectPages<Kv>>(task) : attend<UnpackedPages<Kv>>(task);
}

static void attention(const AttentionTask& task) {
  if (task.format == Format::kF16) return attend_format<KvF16>(task);
  if (task.format == Format::kQ8_0) return attend<CodedPages<KvQ8_0>>(task);
  if (task.format == Format::kQ4_0) return attend<CodedPages<KvQ4_0>>(task);
  attend_format<KvF32>(task);
}

/// The rows' outputs of all tiles in task.parts, which attention() wrote.
static void attention_merge(const AttentionTask& task) {
  AttentionBlock block = attention_block(task);
  begin_rows(block);
  float* part = task.parts;
  for (int32_t tile = task.position_begin / kTile * kTile; tile < task.position_end; tile += kTile) {
    block.tile = partial_softmax(part, block.rows, block.value_row);
    part += attention_part(block.rows, task.value_dim);
    merge_tile(block, tile);
  }
  end_rows(block);
}

}  // namespace vivace::VIVACE_ISA
