// Attention on every instruction set against softmax in double, and its bits against any other way to run the same.
#include "backends/cpu/attention_stage.h"
#include "backends/cpu/device_test_rig.h"
#include "base/error.h"

namespace vivace {
namespace {

struct Shape {
  Format format = Format::kF32;
  int32_t heads = 4, kv_heads = 2, key_dim = 64, value_dim = 64;
  int32_t window = 0;
  float cap = 0;
  bool sinks = false;
};

constexpr int32_t kMostTokens = 640, kMostSequences = 3, kMostPages = 40;

/// A model of one attention layer: fixed queries, keys and values of some sequences; runs parts of them as steps.
class Layer {
 public:
  Layer(const std::string& isa, const Shape& shape, const std::vector<int32_t>& lengths, int threads,
        uint32_t page_seed)
      : rig(isa, StepLimits{kMostTokens, kMostSequences, 1, 1, kMostPages}, threads), shape_(shape), lengths_(lengths) {
    const FormatRow& format = format_row(shape.format);
    const size_t key_bytes = kPageTokens * size_t(shape.kv_heads) * row_bytes(format, size_t(shape.key_dim));
    const size_t value_bytes = kPageTokens * size_t(shape.kv_heads) * row_bytes(format, size_t(shape.value_dim));
    slabs_.pages_per_slab = 7;
    slabs_.page_bytes = key_bytes + value_bytes + 64;
    for (int i = 0; i < 18; ++i) {
      slabs_.slabs.push_back(rig.buffer(7 * slabs_.page_bytes));
      // What an earlier owner of the page left must not matter.
      std::memset(slabs_.slabs.back()->host_data(), page_seed % 2 ? 0x7F : 0, 7 * slabs_.page_bytes);
    }
    kv_ = {&slabs_, 0, 64, 64 + key_bytes, &format, shape.kv_heads, shape.key_dim, shape.value_dim};
    pages_.resize(7 * 18);
    std::iota(pages_.begin(), pages_.end(), 0);
    std::mt19937 random(page_seed);
    std::shuffle(pages_.begin(), pages_.end(), random);
    queries = rig.tensor(kMostTokens, shape.heads * shape.key_dim);
    keys = rig.tensor(kMostTokens, shape.kv_heads * shape.key_dim);
    values = rig.tensor(kMostTokens, shape.kv_heads * shape.value_dim);
    output = rig.tensor(kMostTokens, shape.heads * shape.value_dim);
    for (size_t s = 0; s < lengths.size(); ++s) {
      all_.push_back({random_rows(lengths[s], queries.columns), random_rows(lengths[s], keys.columns),
                      random_rows(lengths[s], values.columns)});
      results.push_back(std::vector<std::vector<float>>(size_t(lengths[s])));
    }
    if (shape.sinks) {
      sink_values_.resize(size_t(shape.heads));
      for (size_t h = 0; h < sink_values_.size(); ++h) sink_values_[h] = float(h) - 1.0f;
      sinks_ = rig.vector(sink_values_);
    }
  }

  /// Runs `counts[s]` tokens of sequence s from where it is, all in one step.
  void step(const std::vector<int32_t>& counts) {
    int32_t row = 0, sequences = 0;
    std::vector<size_t> which;
    for (size_t s = 0; s < counts.size(); ++s) {
      if (counts[s] == 0) continue;
      set_sequence(rig.inputs, sequences, row, counts[s], done_[s]);
      int32_t* table = rig.inputs.page_table(0, sequences);
      for (int32_t p = 0; p < kMostPages; ++p) {
        const bool left = shape_.window > 0 && (p + 1) * kPageTokens <= done_[s] + 1 - shape_.window;
        const bool reached = p * kPageTokens < done_[s] + counts[s];
        table[p] = left || !reached ? -1 : pages_[s * kMostPages + size_t(p)];
      }
      for (int32_t t = 0; t < counts[s]; ++t, ++row) {
        const size_t at = size_t(done_[s] + t);
        copy(all_[s].queries[at], queries, row);
        copy(all_[s].keys[at], keys, row);
        copy(all_[s].values[at], values, row);
      }
      which.push_back(s);
      ++sequences;
    }
    rig.inputs.tokens() = row;
    rig.inputs.sequences() = sequences;
    if (!rig.stream->begin(1)) {
      rig.stream->kv_write({keys, values, kv_});
      rig.stream->attention({queries, output, kv_, shape_.heads, scale(), shape_.window, shape_.cap, sinks_});
    }
    rig.stream->sync();
    row = 0;
    for (size_t s : which) {
      for (int32_t t = 0; t < counts[s]; ++t) results[s][size_t(done_[s] + t)] = Rig::values(output, row++);
      done_[s] += counts[s];
    }
  }

  void run_whole() {
    for (size_t s = 0; s < lengths_.size(); ++s) {
      std::vector<int32_t> counts(lengths_.size());
      counts[s] = lengths_[s];
      step(counts);
    }
  }

  void run_in_random_steps(uint32_t seed) {
    std::mt19937 random(seed);
    for (;;) {
      std::vector<int32_t> counts;
      int32_t sum = 0, budget = kMostTokens;
      for (size_t s = 0; s < lengths_.size(); ++s) {
        const int32_t most = std::min(lengths_[s] - done_[s], budget);
        const int32_t choice = int32_t(random() % 4);
        const int32_t wanted = choice == 0 ? 0 : choice == 1 ? 1 : int32_t(random() % (choice == 2 ? 9 : 300));
        counts.push_back(std::min(most, wanted));
        budget -= counts.back();
        sum += counts.back();
      }
      if (sum > 0) step(counts);
      if (done_ == std::vector<int32_t>(lengths_.begin(), lengths_.end())) return;
    }
  }

  void expect_near_truth(double tolerance) {
    for (size_t s = 0; s < lengths_.size(); ++s) {
      for (int32_t t = 0; t < lengths_[s]; t += 1 + t / 7) {
        for (int32_t h = 0; h < shape_.heads; ++h) expect_head(s, t, h, tolerance);
      }
    }
  }

  /// How many chunks the attention of one token at `position` has.
  int32_t chunks_of_a_token(int32_t position, int32_t threads) {
    WorkerScratch scratch;
    AttentionStage stage({queries, output, kv_, shape_.heads, scale(), shape_.window, shape_.cap, sinks_},
                         kernel_table(rig.device->info().isa), scratch);
    set_sequence(rig.inputs, 0, 0, 1, position);
    rig.inputs.tokens() = rig.inputs.sequences() = 1;
    return stage.prepare(rig.inputs, threads);
  }

  Rig rig;
  Tensor queries, keys, values, output;
  std::vector<std::vector<std::vector<float>>> results;  // [sequence][token][heads * value_dim]

 private:
  struct Sequence {
    std::vector<std::vector<float>> queries, keys, values;
  };

  float scale() const { return 1.3f / std::sqrt(float(shape_.key_dim)); }
  static void copy(const std::vector<float>& from, const Tensor& to, int32_t row) {
    std::memcpy(Rig::row(to, row), from.data(), from.size() * sizeof(float));
  }
  std::vector<std::vector<float>> random_rows(int32_t rows, int32_t columns) {
    std::vector<std::vector<float>> result(static_cast<size_t>(rows));
    for (auto& row : result) {
      row.resize(size_t(columns));
      for (float& value : row) value = rig.normal(rig.random);
    }
    return result;
  }
  /// A vector as the cache holds it.
  std::vector<float> cached(const float* x, int32_t n) const {
    const FormatRow& format = format_row(shape_.format);
    std::vector<uint8_t> bytes(row_bytes(format, size_t(n)));
    std::vector<float> result(static_cast<size_t>(n));
    format.encode(x, bytes.data(), size_t(n) / format.block_columns);
    format.decode(bytes.data(), result.data(), size_t(n) / format.block_columns);
    return result;
  }
  void expect_head(size_t s, int32_t t, int32_t h, double tolerance) const {
    const int32_t kv = h / (shape_.heads / shape_.kv_heads);
    const int32_t begin = shape_.window > 0 ? std::max(0, t - shape_.window + 1) : 0;
    const float* q = all_[s].queries[size_t(t)].data() + h * shape_.key_dim;
    std::vector<double> want(static_cast<size_t>(shape_.value_dim));
    std::vector<double> scores;
    for (int32_t p = begin; p <= t; ++p) {
      const auto k = cached(all_[s].keys[size_t(p)].data() + kv * shape_.key_dim, shape_.key_dim);
      double dot = 0;
      for (int32_t i = 0; i < shape_.key_dim; ++i) dot += double(q[i]) * k[size_t(i)];
      dot *= scale();
      scores.push_back(shape_.cap > 0 ? shape_.cap * std::tanh(dot / shape_.cap) : dot);
    }
    double sum = shape_.sinks ? std::exp(double(sink_values_[size_t(h)])) : 0;
    for (int32_t p = begin; p <= t; ++p) {
      const double weight = std::exp(scores[size_t(p - begin)]);
      const auto v = cached(all_[s].values[size_t(p)].data() + kv * shape_.value_dim, shape_.value_dim);
      for (int32_t i = 0; i < shape_.value_dim; ++i) want[size_t(i)] += weight * v[size_t(i)];
      sum += weight;
    }
    for (int32_t i = 0; i < shape_.value_dim; ++i) {
      ASSERT_NEAR(results[s][size_t(t)][size_t(h * shape_.value_dim + i)], want[size_t(i)] / sum, tolerance)
          << "sequence " << s << " token " << t << " head " << h;
    }
  }

  Shape shape_;
  std::vector<int32_t> lengths_;
  std::vector<int32_t> done_ = std::vector<int32_t>(kMostSequences);
  KvSlabs slabs_;
  KvLayer kv_;
  std::vector<int32_t> pages_;  // page p of sequence s: pages_[s * kMostPages + p]
  std::vector<Sequence> all_;
  std::vector<float> sink_values_;
  Weight sinks_;
};

std::vector<Shape> shapes() {
  return {
      {Format::kF32, 9, 3, 64, 64},
      {Format::kF16, 9, 3, 64, 64},
      {Format::kQ8_0, 6, 2, 64, 64},
      {Format::kF32, 2, 2, 32, 96, 0, 5.0f, true},
      {Format::kF16, 4, 1, 256, 256, 70},
      {Format::kQ8_0, 2, 1, 128, 160, 100},
      {Format::kQ4_0, 8, 2, 64, 96},
      {Format::kQ4_0, 13, 1, 32, 32, 290},
      {Format::kF16, 40, 1, 16, 16, 300, 0, true},
      {Format::kF32, 2, 1, 5, 3},
      {Format::kF16, 3, 1, 40, 72, 33},
  };
}

class Attention : public testing::TestWithParam<std::string> {};

TEST_P(Attention, MatchesSoftmaxInDouble) {
  for (const Shape& shape : shapes()) {
    Layer layer(GetParam(), shape, {290, 33}, 2, 1);
    layer.run_whole();
    // Over blocks, weights are rounded to 2^-14 of the largest of a page.
    const bool blocks = format_row(shape.format).block_columns > 1;
    layer.expect_near_truth(blocks ? 5e-4 : 3e-6);
  }
}

TEST_P(Attention, BitsDependOnTheHistoryAlone) {
  uint32_t seed = 2;
  for (const Shape& shape : shapes()) {
    Layer whole(GetParam(), shape, {300, 35, 64}, 1, seed);
    whole.run_whole();
    for (int threads : {1, 4}) {
      ++seed;
      Layer parts(GetParam(), shape, {300, 35, 64}, threads, seed);
      parts.run_in_random_steps(seed);
      EXPECT_EQ(whole.results, parts.results) << "heads " << shape.heads << " format " << int(shape.format);
    }
  }
}

TEST_P(Attention, PartsOfALongContextGiveTheSameBits) {
  const std::vector<Shape> long_shapes = {{Format::kF16, 3, 1, 64, 64}, {Format::kQ8_0, 4, 2, 32, 32, 700, 5.0f, true}};
  for (const Shape& shape : long_shapes) {
    Layer alone(GetParam(), shape, {1100, 1030}, 1, 1), shared(GetParam(), shape, {1100, 1030}, 4, 2);
    EXPECT_EQ(alone.chunks_of_a_token(1099, 1), shape.kv_heads);
    EXPECT_GT(shared.chunks_of_a_token(1099, 4), shape.kv_heads) << "nothing is cut";
    for (Layer* layer : {&alone, &shared}) {
      for (int32_t first : {600, 480, 8}) layer->step({first, 0});
      layer->step({0, 600});
      layer->step({0, 424});
      for (int i = 0; i < 6; ++i) layer->step({i % 2, 1});
      for (int i = 0; i < 9; ++i) layer->step({1, 0});
    }
    EXPECT_EQ(alone.results, shared.results);
  }
}

TEST_P(Attention, AMissingPageIsAnError) {
  Layer layer(GetParam(), {}, {40}, 1, 1);
  layer.step({8});
  layer.rig.inputs.page_table(0, 0)[0] = -1;
  layer.rig.inputs.positions()[0] = 33;
  layer.rig.inputs.tokens() = 1;
  layer.rig.inputs.sequence_tokens()[0] = 1;
  EXPECT_TRUE(layer.rig.stream->begin(1));
  EXPECT_THROW(layer.rig.stream->sync(), Error);
}

INSTANTIATE_TEST_SUITE_P(Isa, Attention, testing::ValuesIn(tested_isas()));

}  // namespace
}  // namespace vivace
