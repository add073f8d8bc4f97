// KV pages and attention over them. Softmax is taken online (Milakov and Gimelshein 2018) over tiles cut by absolute
// position, so that the bits don't depend on how a sequence was chunked or where its pages lie.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "device/reference/kernels.h"
#include "device/reference/memory.h"

namespace vivace::reference {
namespace {

/// Checks that the layer's format is one that this device stores, in rows of whole blocks.
void check_kv(const KvLayer& kv) {
  expect(kv.format != nullptr && kv.slabs != nullptr, "a KV layer has no format or no slabs");
  const Format format = kv.format->format;
  const bool known =
      format == Format::kF32 || format == Format::kF16 || format == Format::kQ8_0 || format == Format::kQ4_0;
  const int32_t block = int32_t(kv.format->block_columns);
  if (known && kv.key_dim % block == 0 && kv.value_dim % block == 0) return;
  throw Error(ErrorCode::kUnsupported,
              std::string("the reference device can't keep heads of ") + std::to_string(kv.key_dim) + " and " +
                  std::to_string(kv.value_dim) + " values in a KV cache of " + kv.format->name,
              "choose the KV type f16");
}

/// Where one position of a sequence lies.
struct KvPosition {
  int32_t page;
  int32_t slot;  // position in the page
};

KvPosition locate(const StepInputs& step, const KvLayer& kv, int32_t sequence, int32_t position) {
  expect(sequence >= 0 && sequence < step.limits().sequences, "a token has no sequence");
  expect(kv.group >= 0 && kv.group < step.limits().kv_groups, "a KV layer has no page table");
  expect(position >= 0 && position / kPageTokens < step.limits().pages, "a position is outside the page table");
  const int32_t page = step.page_table(kv.group, sequence)[position / kPageTokens];
  const KvSlabs& slabs = *kv.slabs;
  expect(page >= 0 && size_t(page / slabs.pages_per_slab) < slabs.slabs.size(), "a position has no page");
  return {page, position % kPageTokens};
}

/// The bytes of a head's keys or values in a page.
uint8_t* head_bytes(const KvLayer& kv, int32_t page, int32_t head, bool keys) {
  const KvPlace place = kv_place(kv, page, head, keys);
  return host_bytes(kv.slabs->slabs[place.slab], place.offset, kv_head_bytes(kv, keys));
}

/// Stores the values of one head at a position.
void write_row(const KvLayer& kv, KvPosition at, int32_t head, bool key, const float* values) {
  const FormatRow& format = *kv.format;
  expect(format.encode != nullptr, "a KV format has no encoder");
  const size_t columns = size_t(key ? kv.key_dim : kv.value_dim);
  std::vector<uint8_t> row(row_bytes(format, columns));
  format.encode(values, row.data(), columns / format.block_columns);
  uint8_t* bytes = head_bytes(kv, at.page, head, key);
  for (size_t i = 0; i < row.size(); ++i) {
    bytes[kv_byte(kv, key, i, at.slot)] = row[i];
  }
}

/// Decodes what write_row() stored.
void read_row(const KvLayer& kv, KvPosition at, int32_t head, bool key, float* values) {
  const FormatRow& format = *kv.format;
  const size_t columns = size_t(key ? kv.key_dim : kv.value_dim);
  std::vector<uint8_t> row(row_bytes(format, columns));
  const uint8_t* bytes = head_bytes(kv, at.page, head, key);
  for (size_t i = 0; i < row.size(); ++i) {
    row[i] = bytes[kv_byte(kv, key, i, at.slot)];
  }
  format.decode(row.data(), values, columns / format.block_columns);
}

/// The running softmax of one query head: sum of weights and weighted values, both relative to exp(top).
struct OnlineSoftmax {
  float top = -std::numeric_limits<float>::infinity();
  float sum = 0;
  std::vector<float> values;  // [value_dim]

  /// Merges a part of the same form.
  void merge(float part_top, float part_sum, const float* part_values) {
    const float new_top = std::max(top, part_top);
    const float keep = std::exp(top - new_top), take = std::exp(part_top - new_top);
    sum = sum * keep + part_sum * take;
    for (size_t i = 0; i < values.size(); ++i) values[i] = values[i] * keep + part_values[i] * take;
    top = new_top;
  }
};

/// Decoded keys [count, key_dim] and values [count, value_dim] of one KV head over consecutive positions of a tile.
struct KvTile {
  std::vector<float> keys, values;
  int32_t count = 0;

  void load(const StepInputs& step, const KvLayer& kv, int32_t sequence, int32_t head, int32_t begin, int32_t end) {
    count = end - begin;
    keys.resize(size_t(count) * kv.key_dim);
    values.resize(size_t(count) * kv.value_dim);
    for (int32_t i = 0; i < count; ++i) {
      const KvPosition at = locate(step, kv, sequence, begin + i);
      read_row(kv, at, head, true, &keys[size_t(i) * kv.key_dim]);
      read_row(kv, at, head, false, &values[size_t(i) * kv.value_dim]);
    }
  }
};

void attend_tile(const AttentionArgs& args, const KvTile& tile, const float* query, OnlineSoftmax& softmax) {
  const int32_t key_dim = args.kv.key_dim, value_dim = args.kv.value_dim;
  std::vector<float> weights(tile.count), sums(value_dim);
  float top = -std::numeric_limits<float>::infinity(), sum = 0;
  for (int32_t i = 0; i < tile.count; ++i) {
    float score = 0;
    for (int32_t d = 0; d < key_dim; ++d) score += query[d] * tile.keys[size_t(i) * key_dim + d];
    score *= args.scale;
    if (args.score_cap > 0) score = args.score_cap * std::tanh(score / args.score_cap);
    weights[i] = score;
    top = std::max(top, score);
  }
  for (int32_t i = 0; i < tile.count; ++i) {
    const float weight = std::exp(weights[i] - top);
    sum += weight;
    for (int32_t d = 0; d < value_dim; ++d) sums[d] += weight * tile.values[size_t(i) * value_dim + d];
  }
  softmax.merge(top, sum, sums.data());
}

}  // namespace

void kv_write(const StepInputs& step, const KvWriteArgs& args) {
  const KvLayer& kv = args.kv;
  check_kv(kv);
  const Rows keys = rows_of(args.keys, step.tokens(), int64_t{kv.kv_heads} * kv.key_dim);
  const Rows values = rows_of(args.values, step.tokens(), int64_t{kv.kv_heads} * kv.value_dim);
  for (int32_t t = 0; t < step.tokens(); ++t) {
    const KvPosition at = locate(step, kv, step.token_sequence()[t], step.positions()[t]);
    for (int32_t h = 0; h < kv.kv_heads; ++h) {
      write_row(kv, at, h, true, keys[t] + int64_t{h} * kv.key_dim);
      write_row(kv, at, h, false, values[t] + int64_t{h} * kv.value_dim);
    }
  }
}

void attention(const StepInputs& step, const AttentionArgs& args) {
  const KvLayer& kv = args.kv;
  check_kv(kv);
  expect(kv.kv_heads > 0 && args.heads % kv.kv_heads == 0, "query heads are no multiple of KV heads");
  const int32_t group = args.heads / kv.kv_heads;
  const float* sinks = vector_data(args.sinks, args.heads);
  const Rows queries = rows_of(args.queries, step.tokens(), int64_t{args.heads} * kv.key_dim);
  const Rows output = rows_of(args.output, step.tokens(), int64_t{args.heads} * kv.value_dim);
  const std::vector<float> zeros(kv.value_dim);
  KvTile tile;
  for (int32_t t = 0; t < step.tokens(); ++t) {
    const int32_t sequence = step.token_sequence()[t], position = step.positions()[t];
    expect(position >= 0, "a position is negative");
    const int32_t first = args.window > 0 ? std::max(0, position - args.window + 1) : 0;
    for (int32_t kv_head = 0; kv_head < kv.kv_heads; ++kv_head) {
      std::vector<OnlineSoftmax> softmax(group);
      for (OnlineSoftmax& head : softmax) head.values.assign(kv.value_dim, 0.0f);
      for (int32_t begin = first; begin <= position;) {
        const int32_t end = std::min(position + 1, (begin / kAttentionTile + 1) * kAttentionTile);
        tile.load(step, kv, sequence, kv_head, begin, end);
        for (int32_t g = 0; g < group; ++g) {
          attend_tile(args, tile, queries[t] + (int64_t{kv_head} * group + g) * kv.key_dim, softmax[g]);
        }
        begin = end;
      }
      for (int32_t g = 0; g < group; ++g) {
        const int32_t h = kv_head * group + g;
        if (sinks != nullptr) softmax[g].merge(sinks[h], 1.0f, zeros.data());
        float* out = output[t] + int64_t{h} * kv.value_dim;
        for (int32_t d = 0; d < kv.value_dim; ++d) out[d] = softmax[g].values[d] / softmax[g].sum;
      }
    }
  }
}

}  // namespace vivace::reference
