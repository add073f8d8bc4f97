// Embed, norm, add, scale, glu, rope, gather, copy on every device against their formulas in double.
#include "base/error.h"
#include "samples.h"

namespace vivace::ops_test {
namespace {

constexpr double kRelative = 1e-5, kAbsolute = 1e-6;

class Elementwise : public OnDevice {};
class Embed : public OnDevice {};
class Norm : public OnDevice {};
class Glu : public OnDevice {};
class Rope : public OnDevice {};
class Steps : public OnDevice {};

TEST_P(Embed, DecodesRowsOfEveryFormatAndLayout) {
  Random random(11);
  for (const FormatRow& format : formats()) {
    const int64_t rows = 37, columns = format.block_columns == 256 ? 512 : 640;
    const SampleWeight sample = sample_weight(format, rows, columns, random);
    for (Layout layout : GetParam().layouts(format.format)) {
      Rig rig(GetParam());
      ASSERT_NE(find_kernel(rig.device().info(), KernelOp::kEmbed, format.format, layout), nullptr) << format.name;
      const Weight table = rig.weight(format, layout, rows, columns, sample.bytes);
      const std::vector<int32_t> ids{0, 36, 16, 15, 36, 1, 31, 32};
      rig.set_tokens(int32_t(ids.size()));
      std::copy(ids.begin(), ids.end(), rig.inputs().token_ids());
      const Tensor plain = rig.tensor(int32_t(ids.size()), int32_t(columns));
      const Tensor scaled = rig.tensor(int32_t(ids.size()), int32_t(columns));
      rig.step([&](Ops& ops) {
        ops.embed({table, plain, 1});
        ops.embed({table, scaled, 33.94f});
      });
      Values expected, expected_scaled;
      for (int32_t id : ids) {
        const Values row = slice_rows(sample.values, columns, id, id + 1);
        expected.insert(expected.end(), row.begin(), row.end());
        for (float value : row) expected_scaled.push_back(value * 33.94f);
      }
      const Values actual = rig.values(plain, int32_t(ids.size()));
      // Zeros may differ in sign: code 0 times a negative scale.
      ASSERT_TRUE(near_all(actual, {expected.begin(), expected.end()}, 0, 0)) << format.name;
      ASSERT_TRUE(
          near_all(rig.values(scaled, int32_t(ids.size())), {expected_scaled.begin(), expected_scaled.end()}, 0, 0))
          << format.name;
    }
  }
}

TEST_P(Embed, RefusesTokensOutsideTheTable) {
  Random random(12);
  Rig rig(GetParam());
  const FormatRow& format = format_row(Format::kF32);
  const Weight table = rig.weight(format, Layout::kRows, 4, 32, sample_weight(format, 4, 32, random).bytes);
  const Tensor output = rig.tensor(2, 32);
  for (int32_t id : {-1, 4, 2147483647}) {
    rig.set_tokens(2);
    rig.inputs().token_ids()[0] = 0;
    rig.inputs().token_ids()[1] = id;
    try {
      rig.step([&](Ops& ops) { ops.embed({table, output, 1}); });
      ADD_FAILURE() << "token " << id << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    }
    rig.inputs().token_ids()[1] = 3;  // and the stream still works
    rig.step([&](Ops& ops) { ops.embed({table, output, 1}); });
  }
}

struct NormCase {
  NormKind kind;
  int32_t columns, segment;
  bool weight, bias, in_place;
};

/// The formula over segments of [rows, columns].
std::vector<double> expected_norm(const NormCase& c, const Values& input, const Values& weight, const Values& bias,
                                  double epsilon) {
  const int32_t n = c.segment > 0 ? c.segment : c.columns;
  std::vector<double> expected(input.size());
  for (size_t begin = 0; begin < input.size(); begin += n) {
    double mean = 0, squares = 0;
    for (int32_t i = 0; i < n; ++i) mean += double(input[begin + i]) / n;
    if (c.kind == NormKind::kRms) mean = 0;
    for (int32_t i = 0; i < n; ++i) squares += (input[begin + i] - mean) * (input[begin + i] - mean) / n;
    for (int32_t i = 0; i < n; ++i) {
      const double value = (input[begin + i] - mean) / std::sqrt(squares + epsilon);
      expected[begin + i] = value * (c.weight ? weight[i] : 1) + (c.bias ? bias[i] : 0);
    }
  }
  return expected;
}

TEST_P(Norm, IsTheFormula) {
  const NormCase cases[] = {
      {NormKind::kRms, 576, 0, true, false, false},  {NormKind::kRms, 640, 0, true, true, true},
      {NormKind::kRms, 33, 0, false, false, false},  {NormKind::kRms, 512, 64, true, false, true},
      {NormKind::kRms, 240, 80, true, false, false}, {NormKind::kLayer, 576, 0, true, true, false},
      {NormKind::kLayer, 17, 0, false, true, true},  {NormKind::kLayer, 512, 128, true, false, false},
  };
  Random random(13);
  for (const NormCase& c : cases) {
    Rig rig(GetParam());
    const int32_t rows = 9, n = c.segment > 0 ? c.segment : c.columns;
    const float epsilon = c.weight ? 1e-5f : 1e-2f;
    Values input = random.normal(rows * c.columns, 3);
    for (float& value : input) value += 0.5f;
    std::fill_n(input.begin() + 2 * c.columns, c.columns, 0.0f);
    input[3 * c.columns + 5] = 1000;
    const Values weight = random.normal(n), bias = random.normal(n);
    NormArgs args;
    args.kind = c.kind;
    args.input = rig.tensor(input, c.columns);
    args.output = c.in_place ? args.input : rig.tensor(rows, c.columns);
    if (c.weight) args.weight = rig.vector(weight);
    if (c.bias) args.bias = rig.vector(bias);
    args.epsilon = epsilon;
    args.segment = c.segment;
    rig.set_tokens(rows);
    rig.step([&](Ops& ops) { ops.norm(args); });
    // A layer norm subtracts the mean of f32 values: an error of the values' size, relative to their deviation.
    EXPECT_TRUE(
        near_all(rig.values(args.output, rows), expected_norm(c, input, weight, bias, epsilon), kRelative, 1e-5))
        << c.columns << " columns, segment " << c.segment;
  }
}

TEST_P(Elementwise, AddScaleAndCopyAreTheFormulas) {
  Random random(14);
  for (int32_t columns : {1, 15, 64, 577}) {
    Rig rig(GetParam());
    const Values a = random.normal(5 * columns), b = random.normal(5 * columns);
    const Tensor ta = rig.tensor(a, columns), tb = rig.tensor(b, columns);
    const Tensor sum = rig.tensor(8, columns), scaled = rig.tensor(8, columns), capped = rig.tensor(8, columns);
    const Tensor copied = rig.tensor(8, columns), in_place = rig.tensor(b, columns);
    rig.set_tokens(8, 5);
    rig.step([&](Ops& ops) {
      ops.add({RowSet::kOutputs, ta, tb, sum, 0.22f});
      ops.scale({RowSet::kOutputs, ta, scaled, -3.5f, 0});
      ops.scale({RowSet::kOutputs, ta, capped, 40, 30});
      ops.copy({RowSet::kOutputs, ta, copied});
      ops.add({RowSet::kOutputs, in_place, ta, in_place, 1});
      ops.scale({RowSet::kOutputs, in_place, in_place, 2, 0});
    });
    std::vector<double> sums, scales, caps, in_places;
    for (size_t i = 0; i < a.size(); ++i) {
      sums.push_back(a[i] + double(b[i]) * 0.22f);
      scales.push_back(a[i] * -3.5);
      caps.push_back(30 * std::tanh(double(a[i]) * 40 / 30));
      in_places.push_back((double(a[i]) + b[i]) * 2);
    }
    EXPECT_TRUE(near_all(rig.values(sum, 5), sums, kRelative, kAbsolute));
    EXPECT_TRUE(near_all(rig.values(scaled, 5), scales, kRelative, kAbsolute));
    EXPECT_TRUE(near_all(rig.values(capped, 5), caps, kRelative, 1e-5));
    EXPECT_TRUE(near_all(rig.values(in_place, 5), in_places, kRelative, kAbsolute));
    EXPECT_TRUE(same_bits(rig.values(copied, 5), a));
  }
}

TEST_P(Elementwise, GatherTakesTheOutputRows) {
  Random random(15);
  Rig rig(GetParam());
  const Values input = random.normal(9 * 70);
  const Tensor x = rig.tensor(input, 70), y = rig.tensor(4, 70);
  rig.set_tokens(9, 4);
  const int32_t wanted[] = {8, 0, 3, 3};
  std::copy_n(wanted, 4, rig.inputs().output_rows());
  rig.step([&](Ops& ops) { ops.gather({x, y}); });
  Values expected;
  for (int32_t row : wanted) {
    const Values part = slice_rows(input, 70, row, row + 1);
    expected.insert(expected.end(), part.begin(), part.end());
  }
  EXPECT_TRUE(same_bits(rig.values(y, 4), expected));
}

double expected_gate(GluKind kind, double x) {
  switch (kind) {
    case GluKind::kSilu:
      return x / (1 + std::exp(-x));
    case GluKind::kGeluTanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case GluKind::kGeluErf:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case GluKind::kRelu:
      return std::max(x, 0.0);
  }
  return NAN;
}

TEST_P(Glu, IsTheFormula) {
  Random random(16);
  for (GluKind kind : {GluKind::kSilu, GluKind::kGeluTanh, GluKind::kGeluErf, GluKind::kRelu}) {
    for (int32_t columns : {7, 576}) {
      for (bool with_up : {true, false}) {
        Rig rig(GetParam());
        Values gate = random.normal(4 * columns, 3), up = random.normal(4 * columns);
        const float edges[] = {0, -0.0f, 1e-30f, -1e-30f, 88, -88, 104, -104, 1000, -1000, 20, -20, 9, -9};
        for (size_t i = 0; i < std::size(edges); ++i) gate[i] = edges[i];
        GluArgs args;
        args.kind = kind;
        args.gate = rig.tensor(gate, columns);
        if (with_up) args.up = rig.tensor(up, columns);
        args.output = columns == 7 ? args.gate : rig.tensor(4, columns);
        rig.set_tokens(4);
        rig.step([&](Ops& ops) { ops.glu(args); });
        std::vector<double> expected;
        for (size_t i = 0; i < gate.size(); ++i) {
          expected.push_back(expected_gate(kind, gate[i]) * (with_up ? up[i] : 1));
        }
        EXPECT_TRUE(near_all(rig.values(args.output, 4), expected, kRelative, 2e-6))
            << "kind " << int(kind) << ", " << columns << " columns, up " << with_up;
      }
    }
  }
}

struct RopeCase {
  int32_t heads, head_dim, rotary_dim;
  RopePairs pairs;
  float magnitude;
};

TEST_P(Rope, RotatesEachPairByItsAngle) {
  const RopeCase cases[] = {
      {9, 64, 64, RopePairs::kNeighbours, 1}, {4, 256, 256, RopePairs::kHalves, 1},
      {3, 80, 20, RopePairs::kHalves, 1.5f},  {2, 100, 36, RopePairs::kNeighbours, 1},
      {1, 2, 2, RopePairs::kHalves, 1},
  };
  Random random(17);
  for (const RopeCase& c : cases) {
    Rig rig(GetParam());
    Values frequencies;
    for (int32_t i = 0; i < c.rotary_dim / 2; ++i) {
      frequencies.push_back(float(std::pow(10000.0, -2.0 * i / c.rotary_dim)));
    }
    const std::vector<int32_t> positions{0, 1, 17, 1000, 131071};
    const int32_t tokens = int32_t(positions.size());
    const Values input = random.normal(tokens * c.heads * c.head_dim);
    const Tensor x = rig.tensor(input, c.heads * c.head_dim), table = rig.tensor(tokens, c.rotary_dim);
    rig.set_tokens(tokens);
    std::copy(positions.begin(), positions.end(), rig.inputs().positions());
    const Weight frequency = rig.vector(frequencies);
    rig.step([&](Ops& ops) {
      ops.rope_table({frequency, c.magnitude, table});
      ops.rope({x, table, c.heads, c.head_dim, c.rotary_dim, c.pairs});
    });
    std::vector<double> expected_table, expected(input.begin(), input.end());
    for (int32_t t = 0; t < tokens; ++t) {
      for (int32_t i = 0; i < c.rotary_dim / 2; ++i) {
        const double angle = float(positions[t]) * frequencies[i];  // an f32 product, see rope_table
        const double cosine = c.magnitude * std::cos(angle), sine = c.magnitude * std::sin(angle);
        expected_table.insert(expected_table.end(), {cosine, sine});
        for (int32_t h = 0; h < c.heads; ++h) {
          const size_t head = (size_t(t) * c.heads + h) * c.head_dim;
          const bool neighbours = c.pairs == RopePairs::kNeighbours;
          const size_t a = head + (neighbours ? 2 * i : i), b = head + (neighbours ? 2 * i + 1 : i + c.rotary_dim / 2);
          expected[a] = input[a] * cosine - input[b] * sine;
          expected[b] = input[a] * sine + input[b] * cosine;
        }
      }
    }
    EXPECT_TRUE(near_all(rig.values(table, tokens), expected_table, 0, 1e-6)) << "head_dim " << c.head_dim;
    EXPECT_TRUE(near_all(rig.values(x, tokens), expected, kRelative, 1e-5)) << "head_dim " << c.head_dim;
  }
}

/// A small chain of everything that has no cache, as a model makes it.
struct Chain {
  Weight table, norm_weight, gate, up, down;
  Tensor x, y, a, b, logits;
  Prepared prepared_y, prepared_a;

  Chain(Rig& rig, int32_t tokens) {
    Random random(18);
    const auto weight = [&](Format format, int64_t rows, int64_t columns) {
      const FormatRow& row = format_row(format);
      const Layout layout = rig.device().preferred_layout(KernelOp::kMatmul, format, rows, columns);
      return rig.weight(row, layout, rows, columns, sample_weight(row, rows, columns, random).bytes);
    };
    table = weight(Format::kQ8_0, 50, 64), norm_weight = rig.vector(random.normal(64));
    gate = weight(Format::kQ4_0, 96, 64), up = weight(Format::kQ4_1, 96, 64), down = weight(Format::kQ5_0, 64, 96);
    x = rig.tensor(tokens, 64), y = rig.tensor(tokens, 64), a = rig.tensor(tokens, 96), b = rig.tensor(tokens, 96);
    logits = rig.tensor(tokens, 64);
    prepared_y = rig.prepared({gate, up}, tokens), prepared_a = rig.prepared({down}, tokens);
  }

  void call(Ops& ops) const {
    ops.embed({table, x, 2});
    NormArgs norm;
    norm.input = x, norm.weight = norm_weight, norm.output = y, norm.prepared = prepared_y;
    ops.norm(norm);
    MatmulArgs in;
    in.input = {y, prepared_y};
    in.items[0] = {gate, {}, a};
    in.items[1] = {up, {}, b};
    in.count = 2;
    ops.matmul(in);
    GluArgs glu;
    glu.gate = a, glu.up = b, glu.output = a, glu.prepared = prepared_a;
    ops.glu(glu);
    MatmulArgs out;
    out.input = {a, prepared_a};
    out.items[0] = {down, {}, y};
    out.count = 1;
    ops.matmul(out);
    ops.add({RowSet::kTokens, x, y, x, 1});
    ops.gather({x, logits});
  }

  /// One step over these tokens with all of them wanted, under `key`.
  Values run(Rig& rig, const std::vector<int32_t>& ids, uint64_t key) const {
    const int32_t tokens = int32_t(ids.size());
    rig.set_tokens(tokens, tokens);
    std::copy(ids.begin(), ids.end(), rig.inputs().token_ids());
    if (!rig.stream().begin(key)) call(rig.stream());
    rig.stream().sync();
    return rig.values(logits, tokens);
  }
};

TEST_P(Steps, ReplayedOrNotWithAnyThreadsTheBitsAreTheSame) {
  Rig rig(GetParam(), {.tokens = 40, .outputs = 40});
  const std::vector<int32_t> ids{3, 49, 0, 17, 17, 22, 8};
  Values alone;  // each token in a step of its own
  {
    const Chain chain(rig, 40);
    for (int32_t id : ids) {
      const Values row = chain.run(rig, {id}, 1000 + alone.size());
      alone.insert(alone.end(), row.begin(), row.end());
    }
  }
  const Chain chain(rig, 40);
  for (int32_t round = 0; round < 6; ++round) {
    rig.stream().set_threads(1 + round % GetParam().threads);
    const int32_t count = round == 3 ? 2 : int32_t(ids.size());  // fewer tokens through the same program
    Values actual;
    {
      // Rows behind the last token keep what an earlier, larger step wrote: clear the guard's view of them.
      rig.fill(chain.logits, Values(40 * 64, NAN));
      rig.set_tokens(count, count);
      std::copy_n(ids.begin(), count, rig.inputs().token_ids());
      if (!rig.stream().begin(7)) chain.call(rig.stream());
      rig.stream().sync();
      actual = rig.values(chain.logits, 40);
    }
    EXPECT_TRUE(same_bits(slice_rows(actual, 64, 0, count), slice_rows(alone, 64, 0, count))) << "round " << round;
  }
}

TEST_P(Steps, AnEmptyStepDoesNothing) {
  Rig rig(GetParam());
  const Chain chain(rig, 4);
  EXPECT_TRUE(chain.run(rig, {}, 1).empty());
}

INSTANTIATE_TEST_SUITE_P(Ops, Elementwise, ::testing::ValuesIn(device_cases()), device_name);
INSTANTIATE_TEST_SUITE_P(Ops, Embed, ::testing::ValuesIn(device_cases()), device_name);
INSTANTIATE_TEST_SUITE_P(Ops, Norm, ::testing::ValuesIn(device_cases()), device_name);
INSTANTIATE_TEST_SUITE_P(Ops, Glu, ::testing::ValuesIn(device_cases()), device_name);
INSTANTIATE_TEST_SUITE_P(Ops, Rope, ::testing::ValuesIn(device_cases()), device_name);
INSTANTIATE_TEST_SUITE_P(Ops, Steps, ::testing::ValuesIn(device_cases()), device_name);

}  // namespace
}  // namespace vivace::ops_test
