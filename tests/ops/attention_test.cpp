// KV pages and attention on every device: the formula in double, the stored bytes, and equal bits whatever the chunks,
// the page placement and the neighbours in the batch.
#include <numeric>

#include "base/error.h"
#include "samples.h"

namespace vivace::ops_test {
namespace {

struct AttentionCase {
  const char* what;
  Format format = Format::kF16;
  int32_t heads = 2, kv_heads = 1, key_dim = 32, value_dim = 32;
  int32_t window = 0;
  float score_cap = 0;
  bool sinks = false;
  int32_t tokens = 40;
  float query_deviation = 1;
};

constexpr int32_t kGroups = 2, kSequences = 2, kPages = 40;

/// The inputs of one sequence, rows per token.
struct Sequence {
  Values queries, keys, values;

  Sequence(const AttentionCase& c, Random& random)
      : queries(random.normal(size_t(c.tokens) * c.heads * c.key_dim, c.query_deviation)),
        keys(random.normal(size_t(c.tokens) * c.kv_heads * c.key_dim)),
        values(random.normal(size_t(c.tokens) * c.kv_heads * c.value_dim)) {}
};

/// A KV layer of one case on a device: pages in several slabs, each sequence's pages dealt from a shuffled deck.
class KvRig {
 public:
  KvRig(const DeviceCase& device, const AttentionCase& c, uint64_t seed, int32_t max_tokens = 64)
      : case_(c), rig_(device, {.tokens = max_tokens, .sequences = kSequences, .kv_groups = kGroups, .pages = kPages}) {
    const FormatRow& format = format_row(c.format);
    const size_t keys = size_t(c.kv_heads) * kPageTokens * row_bytes(format, c.key_dim);
    const size_t values = size_t(c.kv_heads) * kPageTokens * row_bytes(format, c.value_dim);
    slabs_.pages_per_slab = 7;
    slabs_.page_bytes = (kLayerOffset + keys + values + 64 + 63) / 64 * 64;
    for (int32_t s = 0; s * slabs_.pages_per_slab < kSequences * kPages; ++s) {
      const size_t bytes = slabs_.pages_per_slab * slabs_.page_bytes;
      slabs_.slabs.push_back(rig_.buffer(bytes, BufferUse::kKv));
      slabs_.slabs.back()->write(0,
                                 std::vector<uint8_t>(bytes, 0xFF));  // NaN, should anything read what wasn't written
    }
    layer_ = {&slabs_, 1,          kLayerOffset, kLayerOffset + (keys + 63) / 64 * 64,
              &format, c.kv_heads, c.key_dim,    c.value_dim};
    slabs_.page_bytes = (layer_.value_offset + values + 63) / 64 * 64;
    for (Buffer*& slab : slabs_.slabs) {
      const std::vector<uint8_t> guard(slabs_.pages_per_slab * slabs_.page_bytes, 0xFF);
      slab = rig_.buffer(guard.size(), BufferUse::kKv);
      slab->write(0, guard);
    }
    deck_.resize(kSequences * kPages);
    std::iota(deck_.begin(), deck_.end(), 0);
    Random random(seed);
    if (seed != 0) std::shuffle(deck_.begin(), deck_.end(), random.engine());
    for (int32_t g = 0; g < kGroups; ++g) {
      for (int32_t s = 0; s < kSequences; ++s) std::fill_n(rig_.inputs().page_table(g, s), kPages, -1);
    }
    if (c.sinks) sinks_ = rig_.vector(Random(99).normal(c.heads, 2));
  }

  Rig& rig() { return rig_; }
  const KvLayer& layer() const { return layer_; }

  /// Tokens [begin, end) of the sequences in one step, as neighbours; returns the attention of all of them in order.
  struct Chunk {
    int32_t slot;  // index of the sequence in the step's tables
    const Sequence* sequence;
    int32_t begin, end;
  };
  Values step(const std::vector<Chunk>& chunks) {
    StepInputs& inputs = rig_.inputs();
    Values queries, keys, values;
    int32_t row = 0;
    inputs.sequences() = kSequences;
    for (int32_t s = 0; s < kSequences; ++s) inputs.sequence_tokens()[s] = inputs.sequence_begin()[s] = 0;
    for (const Chunk& chunk : chunks) {
      map_pages(chunk);
      inputs.sequence_begin()[chunk.slot] = row;
      inputs.sequence_tokens()[chunk.slot] = chunk.end - chunk.begin;
      for (int32_t p = chunk.begin; p < chunk.end; ++p, ++row) {
        inputs.positions()[row] = p;
        inputs.token_sequence()[row] = chunk.slot;
      }
      append(queries, chunk.sequence->queries, case_.heads * case_.key_dim, chunk);
      append(keys, chunk.sequence->keys, case_.kv_heads * case_.key_dim, chunk);
      append(values, chunk.sequence->values, case_.kv_heads * case_.value_dim, chunk);
    }
    inputs.tokens() = row;
    AttentionArgs args;
    args.queries = rig_.tensor(queries, case_.heads * case_.key_dim);
    args.output = rig_.tensor(row, case_.heads * case_.value_dim);
    args.kv = layer_;
    args.heads = case_.heads;
    args.scale = 1 / std::sqrt(float(case_.key_dim));
    args.window = case_.window;
    args.score_cap = case_.score_cap;
    args.sinks = sinks_;
    const Tensor k = rig_.tensor(keys, case_.kv_heads * case_.key_dim);
    const Tensor v = rig_.tensor(values, case_.kv_heads * case_.value_dim);
    rig_.step([&](Ops& ops) {
      ops.kv_write({k, v, layer_});
      ops.attention(args);
    });
    return rig_.values(args.output, row);
  }

  /// The whole sequence in chunks of `chunk` tokens: [tokens, heads * value_dim].
  Values run(const Sequence& sequence, int32_t chunk, int32_t slot = 0) {
    Values outputs;
    for (int32_t begin = 0; begin < case_.tokens; begin += chunk) {
      const Values part = step({{slot, &sequence, begin, std::min(begin + chunk, case_.tokens)}});
      outputs.insert(outputs.end(), part.begin(), part.end());
    }
    return outputs;
  }

  /// The stored row of a position: [key_dim] or [value_dim] in the layer's format.
  std::vector<uint8_t> stored(int32_t slot, int32_t position, int32_t head, bool key) {
    const int32_t page = rig_.inputs().page_table(1, slot)[position / kPageTokens];
    std::vector<uint8_t> bytes(row_bytes(*layer_.format, key ? case_.key_dim : case_.value_dim));
    const KvPlace place = kv_place(layer_, page, head, key);
    std::vector<uint8_t> all(kv_head_bytes(layer_, key));
    slabs_.slabs[place.slab]->read(place.offset, all);
    const int32_t row = position % kPageTokens;
    for (size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = all[kv_byte(layer_, key, i, row)];
    }
    return bytes;
  }

  /// Bytes of all pages that still are as they were before anything was stored.
  size_t untouched() {
    size_t count = 0;
    for (Buffer* slab : slabs_.slabs) {
      std::vector<uint8_t> bytes(slab->size());
      slab->read(0, bytes);
      count += std::count(bytes.begin(), bytes.end(), 0xFF);
    }
    return count;
  }
  size_t all_bytes() const { return slabs_.slabs.size() * slabs_.pages_per_slab * slabs_.page_bytes; }

 private:
  static constexpr size_t kLayerOffset = 192;

  /// Gives the chunk its pages, and takes away those that a window has left behind for good.
  void map_pages(const Chunk& chunk) {
    int32_t* table = rig_.inputs().page_table(1, chunk.slot);
    for (int32_t p = chunk.begin / kPageTokens; p <= (chunk.end - 1) / kPageTokens; ++p) {
      if (table[p] >= 0) continue;
      table[p] = deck_.back();
      deck_.pop_back();
    }
    if (case_.window == 0) return;
    const int32_t oldest = std::max(0, chunk.begin - case_.window + 1);
    for (int32_t p = 0; p < oldest / kPageTokens; ++p) table[p] = -1;
  }

  static void append(Values& to, const Values& from, int32_t columns, const Chunk& chunk) {
    to.insert(to.end(), from.begin() + size_t(chunk.begin) * columns, from.begin() + size_t(chunk.end) * columns);
  }

  AttentionCase case_;
  Rig rig_;
  KvSlabs slabs_;
  KvLayer layer_;
  Weight sinks_;
  std::vector<int32_t> deck_;
};

/// What a row becomes in the KV cache, in values.
Values through_format(const FormatRow& format, const Values& values) {
  const size_t blocks = values.size() / format.block_columns;
  std::vector<uint8_t> bytes(blocks * format.block_bytes);
  Values result(values.size());
  format.encode(values.data(), bytes.data(), blocks);
  format.decode(bytes.data(), result.data(), blocks);
  return result;
}

/// The formula: [tokens, heads * value_dim].
std::vector<double> expected_attention(const AttentionCase& c, const Sequence& sequence) {
  const Values keys = through_format(format_row(c.format), sequence.keys);
  const Values values = through_format(format_row(c.format), sequence.values);
  const Values sinks = Random(99).normal(c.heads, 2);
  std::vector<double> expected, weights;
  for (int32_t t = 0; t < c.tokens; ++t) {
    for (int32_t h = 0; h < c.heads; ++h) {
      const int32_t kv_head = h / (c.heads / c.kv_heads);
      const int32_t first = c.window > 0 ? std::max(0, t - c.window + 1) : 0;
      double sum = c.sinks ? std::exp(double(sinks[h])) : 0;
      weights.clear();
      for (int32_t p = first; p <= t; ++p) {
        const float* q = &sequence.queries[(size_t(t) * c.heads + h) * c.key_dim];
        const float* k = &keys[(size_t(p) * c.kv_heads + kv_head) * c.key_dim];
        double score = std::inner_product(q, q + c.key_dim, k, 0.0) / std::sqrt(double(c.key_dim));
        if (c.score_cap > 0) score = c.score_cap * std::tanh(score / c.score_cap);
        weights.push_back(std::exp(score));
        sum += weights.back();
      }
      std::vector<double> output(c.value_dim);
      for (int32_t p = first; p <= t; ++p) {
        const float* v = &values[(size_t(p) * c.kv_heads + kv_head) * c.value_dim];
        for (int32_t d = 0; d < c.value_dim; ++d) output[d] += weights[p - first] / sum * v[d];
      }
      expected.insert(expected.end(), output.begin(), output.end());
    }
  }
  return expected;
}

/// How far a device may be off. With an int8 cache it may take the queries in int8 too: half a step of a query with a
/// peak of 4 is 4 / 127 / 2 in each score term, so a score of normal values moves by about 0.016 * |k| / sqrt(dim) and
/// an output by that much of the spread of the values.
double attention_bound(const AttentionCase& c, bool oracle) {
  return format_row(c.format).block_columns > 1 && !oracle ? 0.05 * c.query_deviation
                                                           : 2e-5 * std::max(1.0f, c.query_deviation);
}

class Attention : public OnDevice {};

const AttentionCase kCases[] = {
    {.what = "f32", .format = Format::kF32, .heads = 3, .kv_heads = 3},
    {.what = "f16, GQA 2", .heads = 4, .kv_heads = 2, .key_dim = 64, .value_dim = 64},
    {.what = "q8_0, GQA 3", .format = Format::kQ8_0, .heads = 9, .kv_heads = 3, .key_dim = 64, .value_dim = 64},
    {.what = "f16, GQA 4, wide heads", .heads = 4, .kv_heads = 1, .key_dim = 256, .value_dim = 256, .tokens = 20},
    {.what = "q8_0, GQA 8", .format = Format::kQ8_0, .heads = 8, .kv_heads = 1},
    {.what = "q4_0, GQA 4", .format = Format::kQ4_0, .heads = 8, .kv_heads = 2, .key_dim = 64, .value_dim = 96},
    {.what = "GQA 12", .format = Format::kQ4_0, .heads = 12, .kv_heads = 1, .tokens = 20},
    {.what = "key and value of different widths", .heads = 2, .kv_heads = 2, .key_dim = 96, .value_dim = 64},
    {.what = "odd widths", .heads = 2, .kv_heads = 1, .key_dim = 20, .value_dim = 12},
    {.what = "window 1", .window = 1},
    {.what = "window of a page", .format = Format::kF32, .window = 32, .tokens = 100},
    {.what = "window across tiles", .heads = 2, .window = 100, .tokens = 400},
    {.what = "window of a tile", .format = Format::kQ8_0, .window = 256, .tokens = 600},
    {.what = "window longer than the text", .window = 1000},
    {.what = "score cap", .score_cap = 5, .query_deviation = 4},
    {.what = "sinks", .heads = 4, .kv_heads = 2, .sinks = true, .tokens = 300},
    {.what = "sinks and window", .window = 40, .sinks = true, .tokens = 100},
    {.what = "several tiles", .heads = 2, .kv_heads = 1, .tokens = 1000},
    {.what = "tile border", .format = Format::kF32, .tokens = 257},
    {.what = "large scores", .format = Format::kF32, .tokens = 300, .query_deviation = 30},
};

TEST_P(Attention, IsTheFormulaAndTheSameBitsHoweverChunkedAndPlaced) {
  for (const AttentionCase& c : kCases) {
    SCOPED_TRACE(c.what);
    Random random(21);
    const Sequence sequence(c, random);
    KvRig whole(GetParam(), c, 0, c.tokens);
    const Values at_once = whole.run(sequence, c.tokens);
    ASSERT_TRUE(near_all(at_once, expected_attention(c, sequence), 0, attention_bound(c, GetParam().oracle)));
    for (int32_t chunk : {1, 7, 33, 64}) {
      if (chunk > c.tokens || (chunk == 7 && c.tokens > 300)) continue;
      KvRig chunked(GetParam(), c, 100 + chunk);
      chunked.rig().stream().set_threads(1 + chunk % GetParam().threads);
      ASSERT_TRUE(same_bits(chunked.run(sequence, chunk, chunk % kSequences), at_once)) << "chunks of " << chunk;
    }
  }
}

TEST_P(Attention, SequencesInOneStepDontSeeEachOther) {
  for (Format format : {Format::kF16, Format::kQ8_0}) {
    AttentionCase c{.what = "", .format = format, .heads = 6, .kv_heads = 2, .tokens = 290};
    Random random(22);
    const Sequence first(c, random), second(c, random);
    KvRig alone(GetParam(), c, 1);
    const Values first_alone = alone.run(first, 64, 0), second_alone = alone.run(second, 64, 1);
    KvRig together(GetParam(), c, 2);
    Values firsts, seconds;
    const int32_t columns = c.heads * c.value_dim;
    int32_t a = 0, b = 0;
    // A decode beside a prefill, at changing depths.
    for (int32_t turn = 0; a < c.tokens && b < c.tokens; ++turn) {
      const int32_t next_a = std::min(c.tokens, a + (turn % 3 == 0 ? 1 : 29));
      const int32_t next_b = std::min(c.tokens, b + (turn % 3 == 1 ? 1 : 31));
      const Values outputs = together.step({{1, &second, b, next_b}, {0, &first, a, next_a}});
      const Values part_b = slice_rows(outputs, columns, 0, next_b - b);
      const Values part_a = slice_rows(outputs, columns, next_b - b, next_b - b + next_a - a);
      seconds.insert(seconds.end(), part_b.begin(), part_b.end());
      firsts.insert(firsts.end(), part_a.begin(), part_a.end());
      a = next_a, b = next_b;
    }
    EXPECT_TRUE(same_bits(firsts, slice_rows(first_alone, columns, 0, a)));
    EXPECT_TRUE(same_bits(seconds, slice_rows(second_alone, columns, 0, b)));
  }
}

class KvWrite : public OnDevice {};

/// Largest error of a stored value: exact, half an ulp of f16, half a step of the codes with its f16 scale; the codes
/// of Q4_0 end a step earlier on the side opposite to the peak.
double storage_bound(Format format, const float* block, float value) {
  if (format == Format::kF32) return 0;
  if (format == Format::kF16) return std::fabs(value) / 2048 + 3e-8;
  float peak = 0;
  for (int i = 0; i < 32; ++i) peak = std::max(peak, std::fabs(block[i]));
  if (format == Format::kQ4_0) return peak / 8 * 1.001 + peak / 2048 + 1e-6;
  return peak / 127 * 0.5 * 1.001 + peak / 2048 + 1e-6;
}

TEST_P(KvWrite, StoresRowsWhereTheLayerSays) {
  for (Format format : {Format::kF32, Format::kF16, Format::kQ8_0, Format::kQ4_0}) {
    const AttentionCase c{.what = "", .format = format, .kv_heads = 2, .key_dim = 64, .value_dim = 96, .tokens = 37};
    Random random(23);
    Sequence sequence(c, random);
    std::fill_n(sequence.keys.begin(), 64, 0.0f);           // a zero scale
    sequence.values[100] = -3000;                           // an outlier
    std::fill_n(sequence.values.begin() + 200, 40, 1e-7f);  // a subnormal scale
    KvRig kv(GetParam(), c, 5);
    ASSERT_NE(find_kernel(kv.rig().device().info(), KernelOp::kKv, format, Layout::kRows), nullptr);
    kv.run(sequence, 10, 1);
    const FormatRow& row = format_row(format);
    size_t written = 0;
    for (int32_t t = 0; t < c.tokens; ++t) {
      for (int32_t h = 0; h < 2 * c.kv_heads; ++h) {
        const bool key = h % 2 == 0;
        const int32_t dim = key ? c.key_dim : c.value_dim;
        const float* expected = (key ? sequence.keys : sequence.values).data() + (size_t(t) * c.kv_heads + h / 2) * dim;
        const std::vector<uint8_t> bytes = kv.stored(1, t, h / 2, key);
        written += bytes.size();
        Values actual(dim);
        row.decode(bytes.data(), actual.data(), dim / row.block_columns);
        for (int32_t d = 0; d < dim; ++d) {
          ASSERT_LE(std::fabs(actual[d] - expected[d]), storage_bound(format, expected + d / 32 * 32, expected[d]))
              << row.name << " token " << t << " head " << h / 2 << " column " << d;
        }
        if (!GetParam().oracle) continue;
        std::vector<uint8_t> encoded(bytes.size());
        row.encode(expected, encoded.data(), dim / row.block_columns);
        EXPECT_EQ(bytes, encoded);
      }
    }
    EXPECT_GE(kv.untouched() + written, kv.all_bytes()) << "wrote elsewhere";
  }
}

TEST_P(KvWrite, RefusesHeadsThatTheFormatCantDivide) {
  const AttentionCase c{.what = "", .format = Format::kQ8_0, .key_dim = 64, .value_dim = 64, .tokens = 1};
  Random random(24);
  const Sequence sequence(c, random);
  KvRig kv(GetParam(), c, 0);
  kv.run(sequence, 1);
  KvLayer narrow = kv.layer();
  narrow.key_dim = narrow.value_dim = 40;
  const Tensor rows = kv.rig().tensor(1, 40);
  try {
    kv.rig().step([&](Ops& ops) { ops.kv_write({rows, rows, narrow}); });
    ADD_FAILURE() << "stored 40 columns in blocks of 32";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  }
}

TEST_P(KvWrite, AMissingPageIsOurBug) {
  const AttentionCase c{.what = "", .tokens = 1};
  Random random(25);
  const Sequence sequence(c, random);
  KvRig kv(GetParam(), c, 0);
  kv.run(sequence, 1);
  kv.rig().inputs().page_table(1, 0)[0] = -1;
  const Tensor rows = kv.rig().tensor(1, 32);
  try {
    kv.rig().step([&](Ops& ops) { ops.kv_write({rows, rows, kv.layer()}); });
    ADD_FAILURE() << "stored without a page";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInternal);
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, Attention, ::testing::ValuesIn(device_cases()), device_name);
INSTANTIATE_TEST_SUITE_P(Ops, KvWrite, ::testing::ValuesIn(device_cases()), device_name);

}  // namespace
}  // namespace vivace::ops_test
