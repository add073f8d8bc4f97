// Matmul of every format, layout and device against decoded weights in double, within the bound that the device's own
// rounding of its inputs allows; and bit-equal however the tokens are batched.
#include "samples.h"

namespace vivace::ops_test {
namespace {

struct MatmulCase {
  DeviceCase device;
  const FormatRow* format;
  Layout layout;
};

void PrintTo(const MatmulCase& c, std::ostream* out) { *out << c.device.name << " " << c.format->name; }

std::vector<MatmulCase> matmul_cases() {
  std::vector<MatmulCase> cases;
  for (const DeviceCase& device : device_cases()) {
    for (const FormatRow& format : formats()) {
      for (Layout layout : device.layouts(format.format)) cases.push_back({device, &format, layout});
    }
  }
  return cases;
}

/// One block and the widths of real small models, where blocks divide them.
std::vector<int32_t> widths_of(const FormatRow& format) {
  std::vector<int32_t> widths{int32_t(format.block_columns)};
  for (int32_t width : {576, 640, 768}) {
    if (width % int32_t(format.block_columns) == 0) widths.push_back(width);
  }
  return widths;
}

class Matmul : public ::testing::TestWithParam<MatmulCase> {
 protected:
  /// Whether this device says that it can.
  bool supported(Rig& rig) const {
    return find_kernel(rig.device().info(), KernelOp::kMatmul, GetParam().format->format, GetParam().layout) != nullptr;
  }

  /// input [tokens, k] through one weight, as a step of its own.
  static Values run(Rig& rig, const Weight& weight, const Values& input, const Weight& bias = {}) {
    const int32_t columns = int32_t(weight.columns), tokens = int32_t(input.size()) / columns;
    const Tensor x = rig.tensor(input, columns), y = rig.tensor(tokens, int32_t(weight.rows));
    const Prepared prepared = rig.prepared({weight}, tokens);
    rig.set_tokens(tokens);
    rig.step([&](Ops& ops) {
      if (prepared) ops.prepare({RowSet::kTokens, x, prepared});
      MatmulArgs args;
      args.input = {x, prepared};
      args.items[0] = {weight, bias, y};
      args.count = 1;
      ops.matmul(args);
    });
    return rig.values(y, tokens);
  }

  static void check(const SampleWeight& weight, bool prepared, const Values& input, const Values& bias,
                    const Values& output) {
    const int32_t k = int32_t(weight.columns);
    const size_t tokens = input.size() / k;
    for (size_t t = 0; t < tokens; ++t) {
      for (int64_t r = 0; r < weight.rows; ++r) {
        const float *w = &weight.values[r * k], *x = &input[t * k];
        double expected = bias.empty() ? 0 : bias[r];
        for (int32_t c = 0; c < k; ++c) expected += double(w[c]) * x[c];
        const double bound = matmul_bound(*weight.format, prepared, w, x, k) + 1e-6 * std::fabs(expected);
        const double actual = output[t * weight.rows + r];
        ASSERT_LE(std::fabs(actual - expected), bound)
            << "row " << r << " of " << weight.rows << ", token " << t << " of " << tokens << ", " << k << " columns";
      }
    }
  }
};

TEST_P(Matmul, IsTheProductWithinTheInt8Step) {
  Random random(1);
  const FormatRow& format = *GetParam().format;
  for (int32_t columns : widths_of(format)) {
    for (int64_t rows : {1, 15, 16, 17, 389}) {
      Rig rig(GetParam().device);
      ASSERT_TRUE(supported(rig)) << "no kernel row";
      const SampleWeight sample = sample_weight(format, rows, columns, random);
      const Weight weight = rig.weight(format, GetParam().layout, rows, columns, sample.bytes);
      const bool with_bias = rows == 17;
      const Values bias = with_bias ? random.normal(rows) : Values();
      const Values input = sample_inputs(rows == 389 ? 6 : 17, columns, random);
      const Values output = run(rig, weight, input, with_bias ? rig.vector(bias) : Weight());
      check(sample, rig.device().prepared_kinds(weight) != 0, input, bias, output);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(Matmul, BitsDontDependOnTheBatch) {
  Random random(2);
  const FormatRow& format = *GetParam().format;
  const int32_t columns = widths_of(format).back(), rows = 37;
  Rig rig(GetParam().device);
  const SampleWeight sample = sample_weight(format, rows, columns, random);
  const Weight weight = rig.weight(format, GetParam().layout, rows, columns, sample.bytes);
  const Values input = sample_inputs(33, columns, random);
  const Values together = run(rig, weight, input);
  check(sample, rig.device().prepared_kinds(weight) != 0, input, {}, together);
  for (int32_t tokens = 1; tokens <= 33; ++tokens) {
    if (tokens > 17 && tokens < 31) continue;
    // Another first token each time, so that each token comes to lie at several places of a batch.
    const int32_t begin = (tokens * 7) % (34 - tokens);
    const Values alone = run(rig, weight, slice_rows(input, columns, begin, begin + tokens));
    const int32_t more = GetParam().device.tokens_of_same_bits(tokens, 33), first = std::min(begin, 33 - more);
    const Values batch = more == 33 ? together : run(rig, weight, slice_rows(input, columns, first, first + more));
    ASSERT_TRUE(same_bits(alone, slice_rows(batch, rows, begin - first, begin - first + tokens)))
        << tokens << " tokens";
    check(sample, rig.device().prepared_kinds(weight) != 0, slice_rows(input, columns, begin, begin + tokens), {},
          alone);
  }
  for (int32_t threads = 1; threads <= GetParam().device.threads; ++threads) {
    rig.stream().set_threads(threads);
    ASSERT_TRUE(same_bits(run(rig, weight, input), together)) << threads << " threads";
    if (GetParam().device.tokens_of_same_bits(1, 33) < 33) continue;
    ASSERT_TRUE(same_bits(run(rig, weight, slice_rows(input, columns, 0, 1)), slice_rows(together, rows, 0, 1)));
  }
}

std::string matmul_name(const ::testing::TestParamInfo<MatmulCase>& info) {
  return device_name({info.param.device, 0}) + "_" + info.param.format->name +
         (info.param.layout == Layout::kRows ? "_rows" : "_panel16");
}

INSTANTIATE_TEST_SUITE_P(Ops, Matmul, ::testing::ValuesIn(matmul_cases()), matmul_name);

class WideMatmul : public OnDevice {
 protected:
  /// Four weights of different kinds with one input, in the layouts the device likes.
  void make(Rig& rig, int32_t columns, const std::vector<Format>& wanted) {
    Random random(3);
    for (Format format : wanted) {
      const int64_t rows = 16 + 19 * int64_t(weights_.size());
      const FormatRow& row = format_row(format);
      const Layout layout = rig.device().preferred_layout(KernelOp::kMatmul, format, rows, columns);
      weights_.push_back(rig.weight(row, layout, rows, columns, sample_weight(row, rows, columns, random).bytes));
      biases_.push_back(weights_.size() % 2 == 0 ? rig.vector(random.normal(rows)) : Weight());
    }
  }

  /// Outputs of the weights [begin, end) from one call, rows of `set`.
  std::vector<Values> run(Rig& rig, const Activation& input, size_t begin, size_t end, RowSet set = RowSet::kTokens) {
    const int32_t rows = set == RowSet::kTokens ? rig.inputs().tokens() : rig.inputs().outputs();
    MatmulArgs args;
    args.rows = set;
    args.input = input;
    for (size_t i = begin; i < end; ++i) {
      args.items[args.count++] = {weights_[i], biases_[i], rig.tensor(rows, int32_t(weights_[i].rows))};
    }
    rig.step([&](Ops& ops) {
      if (input.prepared && input.values) ops.prepare({set, input.values, input.prepared});
      ops.matmul(args);
    });
    std::vector<Values> outputs;
    for (int32_t i = 0; i < args.count; ++i) outputs.push_back(rig.values(args.items[i].output, rows));
    return outputs;
  }

  std::vector<Weight> weights_, biases_;
};

TEST_P(WideMatmul, GivesTheBitsOfSingleOnes) {
  // Also the pairs of K-quants for which a device may have a kernel of their own.
  const std::vector<std::vector<Format>> mixes{{Format::kQ4_K, Format::kQ6_K, Format::kQ8_0, Format::kF32},
                                               {Format::kQ4_K, Format::kQ4_K, Format::kQ6_K},
                                               {Format::kQ6_K, Format::kQ5_K}};
  for (const std::vector<Format>& formats : mixes) {
    Random random(4);
    Rig rig(GetParam());
    weights_.clear(), biases_.clear();
    make(rig, 768, formats);
    for (int32_t tokens : {1, 5, 12, 20, 33}) {
      rig.set_tokens(tokens);
      const Tensor x = rig.tensor(sample_inputs(tokens, 768, random), 768);
      const Activation input{x, rig.prepared(weights_, tokens)};
      const std::vector<Values> together = run(rig, input, 0, weights_.size());
      for (size_t i = 0; i < weights_.size(); ++i) {
        const Activation own{x, rig.prepared({weights_[i]}, tokens)};
        ASSERT_TRUE(same_bits(run(rig, own, i, i + 1).at(0), together[i]))
            << "weight " << i << ", " << tokens << " tokens";
      }
    }
  }
}

TEST_P(WideMatmul, RunsOverTheOutputRowsAlone) {
  Random random(5);
  Rig rig(GetParam());
  make(rig, 576, {Format::kQ4_0, Format::kF16});
  const Values values = sample_inputs(7, 576, random);
  rig.set_tokens(3, 0);
  rig.inputs().tokens() = 7;
  const std::vector<Values> all = run(rig, {rig.tensor(values, 576), rig.prepared(weights_, 7)}, 0, 2);
  rig.inputs().tokens() = 11;  // more tokens than rows of the tensors: only outputs() may count
  rig.inputs().outputs() = 7;
  const std::vector<Values> outputs =
      run(rig, {rig.tensor(values, 576), rig.prepared(weights_, 7)}, 0, 2, RowSet::kOutputs);
  for (size_t i = 0; i < 2; ++i) EXPECT_TRUE(same_bits(outputs[i], all[i]));
}

TEST_P(WideMatmul, NormAndGluMayPrepareTheInput) {
  Random random(6);
  Rig rig(GetParam());
  make(rig, 640, {Format::kQ4_0, Format::kQ8_0});
  const Tensor x = rig.tensor(sample_inputs(6, 640, random), 640), up = rig.tensor(random.normal(6 * 640), 640);
  rig.set_tokens(6);
  for (const bool use_norm : {true, false}) {
    const auto produce = [&](Ops& ops, const Tensor& output, const Prepared& prepared) {
      NormArgs norm;
      norm.input = x, norm.output = output, norm.prepared = prepared;
      GluArgs glu;
      glu.gate = x, glu.up = up, glu.output = output, glu.prepared = prepared;
      use_norm ? ops.norm(norm) : ops.glu(glu);
    };
    const Tensor y = rig.tensor(6, 640);
    rig.step([&](Ops& ops) { produce(ops, y, {}); });
    const std::vector<Values> apart = run(rig, {y, rig.prepared(weights_, 6)}, 0, 2);
    const Prepared prepared = rig.prepared(weights_, 6);
    if (!prepared) continue;  // the device reads f32: there is nothing to prepare
    for (const Tensor& output : {rig.tensor(6, 640), Tensor()}) {
      rig.step([&](Ops& ops) { produce(ops, output, prepared); });
      const std::vector<Values> fused = run(rig, {Tensor(), prepared}, 0, 2);
      for (size_t i = 0; i < 2; ++i) EXPECT_TRUE(same_bits(fused[i], apart[i])) << "norm " << use_norm;
      if (output) {
        EXPECT_TRUE(same_bits(rig.values(output, 6), rig.values(y, 6)));
      }
    }
  }
}

TEST_P(WideMatmul, GivesTheSameBitsInABatchOf512) {
  Random random(7);
  Rig rig(GetParam());
  make(rig, 512, {Format::kQ4_K, Format::kQ4_0, Format::kBF16});
  const Values values = sample_inputs(512, 512, random);
  rig.set_tokens(512);
  const std::vector<Values> large = run(rig, {rig.tensor(values, 512), rig.prepared(weights_, 512)}, 0, 3);
  const int32_t few = GetParam().tokens_of_same_bits(33, 512) == 512 ? 33 : 300;
  for (int32_t begin : {0, 100, 512 - few}) {
    rig.set_tokens(few);
    const Tensor x = rig.tensor(slice_rows(values, 512, begin, begin + few), 512);
    const std::vector<Values> small = run(rig, {x, rig.prepared(weights_, few)}, 0, 3);
    for (size_t i = 0; i < 3; ++i) {
      ASSERT_TRUE(same_bits(small[i], slice_rows(large[i], weights_[i].rows, begin, begin + few))) << "weight " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, WideMatmul, ::testing::ValuesIn(device_cases()), device_name);

}  // namespace
}  // namespace vivace::ops_test
