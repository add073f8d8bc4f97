// Row operations on every instruction set against the formulas in double.
#include "backends/cpu/row_ops.h"

#include "backends/cpu/device_test_rig.h"
#include "base/error.h"
#include "quant/layout.h"

namespace vivace {
namespace {

const int32_t kColumns[] = {1, 7, 16, 31, 64, 129, 576};

void expect_close(float got, double want, double relative = 2e-6, double absolute = 1e-30) {
  EXPECT_NEAR(double(got), want, relative * std::fabs(want) + absolute);
}

class RowOps : public testing::TestWithParam<std::string> {
 protected:
  RowOps() : rig(GetParam(), StepLimits{64, 4, 8, 1, 64}, 3) {
    rig.inputs.tokens() = 5;
    rig.inputs.outputs() = 2;
    rig.inputs.sequences() = 1;
    set_sequence(rig.inputs, 0, 0, 5, 70);
  }
  Rig rig;
};

TEST_P(RowOps, NormMatchesTheFormula) {
  for (int32_t columns : kColumns) {
    for (NormKind kind : {NormKind::kRms, NormKind::kLayer}) {
      for (int32_t segments : {1, 3}) {
        const int32_t segment = columns;
        const Tensor input = rig.random_tensor(5, columns * segments), output = rig.tensor(5, columns * segments);
        NormArgs args;
        args.kind = kind;
        args.input = input;
        args.output = output;
        args.segment = segments > 1 ? segment : 0;
        args.epsilon = 1e-3f;
        if (columns != 7) args.weight = rig.random_vector(segment);
        if (columns != 16) args.bias = rig.random_vector(segment);
        rig.stream->norm(args);
        rig.stream->sync();
        const float* weight = vector_address(args.weight);
        const float* bias = vector_address(args.bias);
        for (int32_t r = 0; r < 5; ++r) {
          for (int32_t s = 0; s < segments; ++s) {
            const float* x = Rig::row(input, r) + s * segment;
            const float* y = Rig::row(output, r) + s * segment;
            double mean = 0, squares = 0;
            for (int32_t i = 0; i < segment; ++i) mean += kind == NormKind::kLayer ? double(x[i]) / segment : 0;
            for (int32_t i = 0; i < segment; ++i) squares += (x[i] - mean) * (x[i] - mean) / segment;
            const double factor = 1 / std::sqrt(squares + 1e-3);
            for (int32_t i = 0; i < segment; ++i) {
              const double want = (x[i] - mean) * factor * (weight ? weight[i] : 1) + (bias ? bias[i] : 0);
              expect_close(y[i], want, 4e-6, 4e-6);
            }
          }
        }
      }
    }
  }
}

TEST_P(RowOps, AddAndScaleWorkInPlace) {
  for (int32_t columns : kColumns) {
    const Tensor a = rig.random_tensor(5, columns), b = rig.random_tensor(5, columns);
    const auto before = Rig::values(a, 4);
    rig.stream->add({RowSet::kTokens, a, b, a, 0.5f});
    rig.stream->scale({RowSet::kTokens, b, b, 3, 0});
    rig.stream->sync();
    for (int32_t i = 0; i < columns; ++i) {
      const float x = Rig::row(b, 4)[i];
      expect_close(Rig::row(a, 4)[i], double(before[size_t(i)]) + double(x) / 3 * 0.5, 1e-6, 1e-6);
    }
  }
}

TEST_P(RowOps, SoftCapKeepsItsAccuracyNearZero) {
  std::vector<float> values;
  for (float x = 1e-8f; x < 1e4f; x *= 1.37f) values.insert(values.end(), {x, -x});
  values.insert(values.end(), {0.0f, -0.0f, 1e30f, -1e30f});
  const Tensor input = rig.tensor({values, values, values, values, values});
  const Tensor output = rig.tensor(5, input.columns);
  rig.stream->scale({RowSet::kTokens, input, output, 2, 30});
  rig.stream->sync();
  for (size_t i = 0; i < values.size(); ++i) {
    expect_close(Rig::row(output, 3)[i], 30 * std::tanh(double(values[i]) * 2 / 30), 1e-6);
  }
}

TEST_P(RowOps, GluMatchesTheFunctions) {
  std::vector<float> values;
  for (float x = -95; x < 95; x += 0.173f) values.push_back(x);
  values.insert(values.end(), {0.0f, 1e-20f, -1e-20f, 3e4f, -3e4f, 1e30f, -1e30f});
  const Tensor gate = rig.tensor({values, values, values, values, values});
  const Tensor up = rig.random_tensor(5, gate.columns), output = rig.tensor(5, gate.columns);
  for (GluKind kind : {GluKind::kSilu, GluKind::kGeluTanh, GluKind::kGeluErf, GluKind::kRelu}) {
    for (bool with_up : {true, false}) {
      GluArgs args;
      args.kind = kind;
      args.gate = gate;
      if (with_up) args.up = up;
      args.output = output;
      rig.stream->glu(args);
      rig.stream->sync();
      for (size_t i = 0; i < values.size(); ++i) {
        const double x = values[i];
        double want = std::max(x, 0.0);
        if (kind == GluKind::kSilu) want = x / (1 + std::exp(-x));
        if (kind == GluKind::kGeluTanh) {
          want = x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * x * (1 + 0.044715 * x * x)));
        }
        if (kind == GluKind::kGeluErf) want = 0.5 * x * std::erfc(-x / std::sqrt(2.0));
        if (with_up) want *= Rig::row(up, 2)[i];
        // The exponent of e^u is off by u roundings.
        expect_close(Rig::row(output, 2)[i], want, std::fabs(x) < 1 ? 1e-6 : 3e-5, 1e-7);
      }
    }
  }
}

TEST_P(RowOps, RopeTableAndRotation) {
  std::vector<float> frequencies;
  for (int i = 0; i < 80; ++i) frequencies.push_back(float(std::pow(10000.0, -i / 80.0)));
  const Weight weight = rig.vector(frequencies);
  const int32_t positions[5] = {0, 1, 70, 4095, 999999};
  std::copy(positions, positions + 5, rig.inputs.positions());
  for (int32_t rotary : {4, 32, 96, 160}) {
    for (RopePairs pairs : {RopePairs::kNeighbours, RopePairs::kHalves}) {
      const int32_t dim = rotary + 8, heads = 3;
      const Tensor table = rig.tensor(5, rotary), x = rig.random_tensor(5, heads * dim);
      std::vector<std::vector<float>> before;
      for (int32_t r = 0; r < 5; ++r) before.push_back(Rig::values(x, r));
      rig.stream->rope_table({weight, 1.5f, table});
      rig.stream->rope({x, table, heads, dim, rotary, pairs});
      rig.stream->sync();
      for (int32_t r = 0; r < 5; ++r) {
        for (int32_t h = 0; h < heads; ++h) {
          const float* got = Rig::row(x, r) + h * dim;
          const float* old = before[size_t(r)].data() + h * dim;
          for (int32_t i = 0; i < rotary / 2; ++i) {
            const double angle = float(positions[r]) * frequencies[size_t(i)];  // an f32 product by definition
            const int32_t a = pairs == RopePairs::kNeighbours ? 2 * i : i;
            const int32_t b = pairs == RopePairs::kNeighbours ? 2 * i + 1 : i + rotary / 2;
            expect_close(got[a], 1.5 * (old[a] * std::cos(angle) - old[b] * std::sin(angle)), 0, 2e-6);
            expect_close(got[b], 1.5 * (old[a] * std::sin(angle) + old[b] * std::cos(angle)), 0, 2e-6);
          }
          for (int32_t i = rotary; i < dim; ++i) EXPECT_EQ(got[i], old[i]);
        }
      }
    }
  }
}

TEST_P(RowOps, EmbedReadsEveryFormatAndLayout) {
  const int32_t vocabulary = 21, columns = 512;
  for (const FormatRow& format : formats()) {
    if (!format.encode) continue;
    const size_t bytes = row_bytes(format, columns);
    std::vector<uint8_t> data(bytes * vocabulary);
    std::vector<float> values(columns), want(columns);
    for (int32_t r = 0; r < vocabulary; ++r) {
      for (float& value : values) value = rig.normal(rig.random);
      format.encode(values.data(), data.data() + size_t(r) * bytes, columns / format.block_columns);
    }
    for (Layout layout : {Layout::kRows, Layout::kPanel16}) {
      if (layout == Layout::kPanel16 && !has_panel16(format.format)) continue;
      Weight table{&format, layout, nullptr, 0, vocabulary, columns};
      table.buffer = rig.buffer(table.bytes());
      if (layout == Layout::kRows) {
        table.buffer->write(0, data);
      } else {
        for (int32_t r = 0; r < vocabulary; r += 16) {
          const size_t rows = size_t(std::min(16, vocabulary - r));
          pack_panel16(format, data.data() + size_t(r) * bytes, rows, columns,
                       table.buffer->host_data() + size_t(r) * bytes);
        }
      }
      const int32_t ids[5] = {0, 20, 16, 3, 20};
      std::copy(ids, ids + 5, rig.inputs.token_ids());
      const Tensor output = rig.tensor(5, columns);
      rig.stream->embed({table, output, 2});
      rig.stream->sync();
      for (int32_t t = 0; t < 5; ++t) {
        format.decode(data.data() + size_t(ids[t]) * bytes, want.data(), columns / format.block_columns);
        for (int32_t i = 0; i < columns; ++i) ASSERT_EQ(Rig::row(output, t)[i], want[size_t(i)] * 2) << format.name;
      }
    }
  }
}

TEST_P(RowOps, EmbedRefusesAForeignToken) {
  Weight table{&format_row(Format::kF32), Layout::kRows, rig.buffer(4 * 8 * 4), 0, 4, 8};
  const Tensor output = rig.tensor(5, 8);
  rig.inputs.token_ids()[3] = 4;
  rig.stream->embed({table, output, 1});
  EXPECT_THROW(rig.stream->sync(), Error);
}

TEST_P(RowOps, KvWriteEncodesAsTheFormatDoes) {
  for (Format format : {Format::kF32, Format::kF16, Format::kQ8_0, Format::kQ4_0}) {
    const FormatRow& row = format_row(format);
    const int32_t heads = 2, key_dim = row.block_columns == 32 ? 64 : 40, value_dim = 96;
    KvSlabs slabs;
    slabs.pages_per_slab = 3;
    const size_t key_bytes = row_bytes(row, key_dim), value_bytes = row_bytes(row, value_dim);
    const size_t value_offset = 64 + heads * kPageTokens * key_bytes;
    slabs.page_bytes = value_offset + heads * kPageTokens * value_bytes;
    for (int i = 0; i < 2; ++i) slabs.slabs.push_back(rig.buffer(3 * slabs.page_bytes));
    int32_t* pages = rig.inputs.page_table(0, 0);
    std::fill(pages, pages + 64, -1);
    pages[1] = 4;
    pages[2] = 0;
    set_sequence(rig.inputs, 0, 0, 5, 61);  // 61..63 in page 4, 64 and 65 in page 0
    Tensor keys = rig.random_tensor(5, heads * key_dim), values = rig.random_tensor(5, heads * value_dim, 300);
    // Ties, zero blocks, subnormal and huge scales.
    for (int32_t i = 0; i < 32; ++i) Rig::row(keys, 0)[i] = i == 0 ? 127.0f : float(i) - 15.5f;
    for (int32_t i = 0; i < 32; ++i) Rig::row(keys, 1)[i] = i % 2 ? 0.0f : -0.0f;
    for (int32_t i = 0; i < 32; ++i) Rig::row(keys, 2)[i] = 1e-42f * float(i);
    for (int32_t i = 0; i < 32; ++i) Rig::row(keys, 3)[i] = 1e9f * float(16 - i);
    const KvLayer kv{&slabs, 0, 64, value_offset, &row, heads, key_dim, value_dim};
    rig.stream->kv_write({keys, values, kv});
    rig.stream->sync();
    std::vector<uint8_t> want(value_bytes);
    for (int32_t t = 0; t < 5; ++t) {
      const int32_t page = t < 3 ? 4 : 0, slot = (61 + t) % 32;
      const uint8_t* slab = slabs.slabs[size_t(page / 3)]->host_data();
      for (int32_t h = 0; h < heads; ++h) {
        row.encode(Rig::row(keys, t) + h * key_dim, want.data(), size_t(key_dim) / row.block_columns);
        const uint8_t* stored = slab + kv_place(kv, page, h, true).offset;
        for (size_t i = 0; i < key_bytes; ++i) {
          ASSERT_EQ(want[i], stored[kv_byte(kv, true, i, slot)]) << row.name << " token " << t << " byte " << i;
        }
        row.encode(Rig::row(values, t) + h * value_dim, want.data(), size_t(value_dim) / row.block_columns);
        stored = slab + kv_place(kv, page, h, false).offset;
        for (size_t i = 0; i < value_bytes; ++i) {
          ASSERT_EQ(want[i], stored[kv_byte(kv, false, i, slot)]) << row.name << " token " << t << " byte " << i;
        }
      }
    }
  }
}

TEST_P(RowOps, GatherThenNormOnOutputs) {
  const Tensor input = rig.random_tensor(5, 48), picked = rig.tensor(2, 48), copied = rig.tensor(2, 48);
  rig.inputs.output_rows()[0] = 4;
  rig.inputs.output_rows()[1] = 1;
  rig.stream->gather({input, picked});
  rig.stream->copy({RowSet::kOutputs, picked, copied});
  rig.stream->sync();
  EXPECT_EQ(Rig::values(copied, 0), Rig::values(input, 4));
  EXPECT_EQ(Rig::values(copied, 1), Rig::values(input, 1));
}

INSTANTIATE_TEST_SUITE_P(Isa, RowOps, testing::ValuesIn(tested_isas()));

TEST(RowStage, FusesOnlyWhatTouchesItsOwnRows) {
  Rig rig("scalar", StepLimits{16, 1, 4, 1, 1});
  const KernelTable& table = kernel_table("scalar");
  WorkerScratch scratch;
  Buffer* arena = rig.buffer(1 << 16);
  const Tensor x{arena, 0, 64, 64}, left{arena, 0, 32, 64}, right{arena, 128, 32, 64};
  const Tensor narrow{arena, 0, 32, 32}, beside{arena, 16 * 64 * 4, 32, 32}, shifted{arena, 64, 64, 64};
  RowStage stage(RowSet::kTokens, rig.inputs.limits(), table, scratch);
  stage.add(ScaleArgs{RowSet::kTokens, x, x, 2, 0});
  EXPECT_TRUE(stage.accepts(ScaleArgs{RowSet::kTokens, x, x, 2, 0}));
  EXPECT_TRUE(stage.accepts(AddArgs{RowSet::kTokens, left, right, right, 1}));
  EXPECT_TRUE(stage.accepts(ScaleArgs{RowSet::kTokens, beside, beside, 2, 0}));
  EXPECT_FALSE(stage.accepts(ScaleArgs{RowSet::kOutputs, x, x, 2, 0}));
  EXPECT_FALSE(stage.accepts(ScaleArgs{RowSet::kTokens, beside, narrow, 2, 0}));  // the same bytes, other rows
  EXPECT_FALSE(stage.accepts(ScaleArgs{RowSet::kTokens, shifted, beside, 2, 0}));
  RowStage outputs(RowSet::kOutputs, rig.inputs.limits(), table, scratch);
  outputs.add(GatherArgs{x, Tensor{arena, 1 << 14, 64, 64}});
  EXPECT_FALSE(outputs.accepts(ScaleArgs{RowSet::kOutputs, x, x, 2, 0}));
}

}  // namespace
}  // namespace vivace
