// The CPU device as a whole: a small network on every instruction set beside the scalar reference, replayed, on several
// threads, in several batches; and what the device says about itself.
#include "backends/cpu/cpu_device.h"

#include <algorithm>

#include "backends/cpu/device_test_rig.h"
#include "base/error.h"
#include "device/reference/reference_device.h"
#include "quant/layout.h"

namespace vivace {
namespace {

constexpr int32_t kVocabulary = 50, kWidth = 256, kHidden = 512, kTokens = 40, kOutputs = 8;

/// Embedding, one gated feed-forward block, output head tied to the embedding.
class Network {
 public:
  Network(Device& device, Format format) : device_(device), inputs(StepLimits{kTokens, 1, kOutputs, 1, 2}) {
    stream = device.create_stream(inputs);
    std::mt19937 random(3);
    embedding_ = weight(format, kVocabulary, kWidth, random);
    gate_ = weight(format, kHidden, kWidth, random);
    up_ = weight(format, kHidden - 19, kWidth, random);  // of its own height: padded panels
    down_ = weight(format, kWidth, kHidden, random);
    x_ = tensor(kTokens, kWidth);
    normed_ = tensor(kTokens, kWidth);
    gate_out_ = tensor(kTokens, kHidden);
    up_out_ = tensor(kTokens, kHidden);
    activated_ = tensor(kTokens, kHidden);
    down_out_ = tensor(kTokens, kWidth);
    last_ = tensor(kOutputs, kWidth);
    logits_ = tensor(kOutputs, kVocabulary);
    for (size_t i = 0; i < 4; ++i) prepared_[i] = prepared(i == 1 ? down_ : gate_, i == 1 ? kHidden : kWidth);
  }

  /// Logits [outputs][vocabulary] of some tokens; an output for every token from `first_output` on.
  std::vector<float> run(const std::vector<int32_t>& tokens, size_t first_output, uint64_t key) {
    inputs.tokens() = int32_t(tokens.size());
    inputs.sequences() = 1;
    set_sequence(inputs, 0, 0, int32_t(tokens.size()), 0);
    std::copy(tokens.begin(), tokens.end(), inputs.token_ids());
    inputs.outputs() = int32_t(tokens.size() - first_output);
    for (size_t o = first_output; o < tokens.size(); ++o) inputs.output_rows()[o - first_output] = int32_t(o);
    replayed = stream->begin(key);
    if (!replayed) record();
    stream->sync();
    std::vector<float> result(size_t(inputs.outputs()) * kVocabulary);
    for (int32_t o = 0; o < inputs.outputs(); ++o) {
      logits_.buffer->read(logits_.offset + size_t(o) * size_t(logits_.stride) * 4,
                           {reinterpret_cast<uint8_t*>(result.data() + o * kVocabulary), kVocabulary * 4});
    }
    return result;
  }

  void record() {
    stream->embed({embedding_, x_, 1.5f});
    NormArgs norm;
    norm.input = x_;
    norm.output = normed_;
    norm.prepared = prepared_[0];
    stream->norm(norm);
    MatmulArgs wide;
    wide.input = {normed_, prepared_[0]};
    wide.items[0] = {gate_, {}, gate_out_};
    Tensor up_part = up_out_;
    up_part.columns = kHidden - 19;
    wide.items[1] = {up_, {}, up_part};
    wide.count = 2;
    stream->matmul(wide);
    GluArgs glu;
    glu.gate = gate_out_;
    glu.up = up_out_;
    glu.output = activated_;
    glu.prepared = prepared_[1];
    stream->glu(glu);
    stream->matmul(one({activated_, prepared_[1]}, down_, down_out_, RowSet::kTokens));
    stream->add({RowSet::kTokens, x_, down_out_, x_, 0.1f});
    stream->gather({x_, last_});
    if (prepared_[2]) stream->prepare({RowSet::kOutputs, last_, prepared_[2]});
    stream->matmul(one({last_, prepared_[2]}, embedding_, logits_, RowSet::kOutputs));
  }

 private:
  static MatmulArgs one(const Activation& input, const Weight& weight, const Tensor& output, RowSet rows) {
    MatmulArgs args;
    args.rows = rows;
    args.input = input;
    args.items[0] = {weight, {}, output};
    args.count = 1;
    return args;
  }
  Tensor tensor(int32_t rows, int32_t columns) {
    buffers_.push_back(device_.allocate(size_t(rows) * size_t(columns + 16) * 4, BufferUse::kActivations));
    return {buffers_.back().get(), 0, columns, columns + 16};
  }
  Prepared prepared(const Weight& weight, int32_t columns) {
    const PreparedKinds kinds = device_.prepared_kinds(weight);
    if (kinds == 0) return {};
    buffers_.push_back(device_.allocate(device_.prepared_bytes(kinds, columns, kTokens), BufferUse::kActivations));
    return {buffers_.back().get(), 0, kinds, columns};
  }
  Weight weight(Format format, int64_t rows, int64_t columns, std::mt19937& random) {
    const FormatRow& row = format_row(format);
    std::normal_distribution<float> normal;
    const size_t bytes = row_bytes(row, size_t(columns));
    std::vector<uint8_t> data(bytes * size_t(rows));
    std::vector<float> values(static_cast<size_t>(columns));
    for (int64_t r = 0; r < rows; ++r) {
      for (float& value : values) value = normal(random) / 16;
      row.encode(values.data(), data.data() + size_t(r) * bytes, size_t(columns) / row.block_columns);
    }
    Weight result{&row, device_.preferred_layout(KernelOp::kMatmul, format, rows, columns), nullptr, 0, rows, columns};
    buffers_.push_back(device_.allocate(result.bytes(), BufferUse::kWeights));
    result.buffer = buffers_.back().get();
    if (result.layout == Layout::kRows) {
      result.buffer->write(0, data);
      return result;
    }
    std::vector<uint8_t> panel(bytes * kPanelRows);
    for (int64_t r = 0; r < rows; r += int64_t(kPanelRows)) {
      const size_t count = std::min(kPanelRows, size_t(rows - r));
      pack_panel16(row, data.data() + size_t(r) * bytes, count, size_t(columns), panel.data());
      result.buffer->write(size_t(r) * bytes, panel);
    }
    return result;
  }

  Device& device_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  Weight embedding_, gate_, up_, down_;
  Tensor x_, normed_, gate_out_, up_out_, activated_, down_out_, last_, logits_;
  Prepared prepared_[4];

 public:
  StepInputs inputs;
  std::unique_ptr<Stream> stream;
  bool replayed = false;
};

std::vector<int32_t> some_tokens(int32_t count, int32_t seed) {
  std::vector<int32_t> tokens;
  for (int32_t t = 0; t < count; ++t) tokens.push_back((t * 7 + seed * 11) % kVocabulary);
  return tokens;
}

class CpuDeviceTest : public testing::TestWithParam<std::string> {};

TEST_P(CpuDeviceTest, ANetworkStaysNearTheReference) {
  ThreadPool pool(3);
  const auto cpu = make_cpu_device({"cpu", GetParam(), 0, 0, true}, pool);
  const auto reference = make_reference_device();
  for (Format format : {Format::kF32, Format::kF16, Format::kQ8_0, Format::kQ4_0, Format::kQ4_K, Format::kQ6_K}) {
    Network ours(*cpu, format), theirs(*reference, format);
    const auto got = ours.run(some_tokens(19, 1), 12, 1), want = theirs.run(some_tokens(19, 1), 12, 1);
    double largest = 0, error = 0;
    for (size_t i = 0; i < want.size(); ++i) {
      largest = std::max(largest, std::fabs(double(want[i])));
      error = std::max(error, std::fabs(double(want[i]) - double(got[i])));
    }
    // Activations of 8 bits lose up to half of 1/127 of a block's largest value in each of two layers.
    EXPECT_LT(error, largest * (format == Format::kF32 ? 1e-5 : 2e-2)) << format_row(format).name;
    EXPECT_GT(largest, 0.1);
  }
}

TEST_P(CpuDeviceTest, ReplaysAndThreadsAndBatchesGiveTheSameBits) {
  ThreadPool pool(4);
  const auto cpu = make_cpu_device({"cpu", GetParam(), 0, 0, false}, pool);
  for (Format format : {Format::kF32, Format::kQ4_0, Format::kQ4_K, Format::kQ2_K}) {
    if (!format_row(format).encode) continue;
    Network network(*cpu, format);
    network.stream->set_threads(1);
    std::vector<std::vector<float>> alone;
    const auto tokens = some_tokens(33, 2);
    for (size_t t = 0; t < tokens.size(); ++t) {
      alone.push_back(network.run({tokens[t]}, 0, 5));
      EXPECT_EQ(network.replayed, t > 0);
    }
    for (int32_t threads : {1, 2, 4}) {
      network.stream->set_threads(threads);
      for (size_t count : {1, 2, 5, 8, 17, 33}) {
        const size_t first = count > size_t(kOutputs) ? count - size_t(kOutputs) : 0;
        const auto together = network.run({tokens.begin(), tokens.begin() + int64_t(count)}, first, 5);
        EXPECT_TRUE(network.replayed);
        for (size_t o = first; o < count; ++o) {
          const auto begin = together.begin() + int64_t(o - first) * kVocabulary;
          EXPECT_EQ(std::vector<float>(begin, begin + kVocabulary), alone[o])
              << format_row(format).name << " token " << o << " of " << count << " on " << threads;
        }
      }
    }
  }
}

TEST_P(CpuDeviceTest, AnErrorEndsTheStepAndNotTheStream) {
  ThreadPool pool(3);
  const auto cpu = make_cpu_device({"cpu", GetParam(), 0, 0, false}, pool);
  Network network(*cpu, Format::kF32);
  const auto before = network.run(some_tokens(9, 1), 8, 1);
  EXPECT_THROW(network.run({1, 2, kVocabulary, 3}, 0, 1), Error);
  EXPECT_EQ(network.run(some_tokens(9, 1), 8, 1), before);
  // A call that was refused leaves nothing of its step behind.
  EXPECT_FALSE(network.stream->begin(2));
  EXPECT_THROW(network.stream->matmul({}), Error);
  EXPECT_EQ(network.run(some_tokens(9, 1), 8, 2), before);
  EXPECT_FALSE(network.replayed);
}

TEST_P(CpuDeviceTest, SaysWhatItCanDo) {
  ThreadPool pool(2);
  const auto cpu = make_cpu_device({"cpu1", GetParam(), 1, 12345, false}, pool);
  const DeviceInfo& info = cpu->info();
  EXPECT_EQ(info.id, "cpu1");
  EXPECT_EQ(info.isa, GetParam());
  EXPECT_EQ(info.threads, 1);
  EXPECT_EQ(info.memory_usable, 12345u);
  for (const FormatRow& format : formats()) {
    EXPECT_TRUE(find_kernel(info, KernelOp::kMatmul, format.format, Layout::kRows)) << format.name;
    EXPECT_TRUE(find_kernel(info, KernelOp::kEmbed, format.format, Layout::kRows)) << format.name;
    const Layout layout = cpu->preferred_layout(KernelOp::kMatmul, format.format, 64, 256);
    EXPECT_TRUE(layout == Layout::kRows || has_panel16(format.format)) << format.name;
  }
  for (Format format : {Format::kQ4_0, Format::kQ4_K, Format::kQ6_K, Format::kQ8_0}) {
    EXPECT_EQ(cpu->preferred_layout(KernelOp::kMatmul, format, 64, 256), Layout::kPanel16);
    EXPECT_EQ(cpu->preferred_layout(KernelOp::kEmbed, format, 64, 256), Layout::kPanel16);
  }
  EXPECT_TRUE(find_kernel(info, KernelOp::kKv, Format::kQ4_0, Layout::kRows));
  EXPECT_FALSE(find_kernel(info, KernelOp::kKv, Format::kQ4_1, Layout::kRows));
}

INSTANTIATE_TEST_SUITE_P(Isa, CpuDeviceTest, testing::ValuesIn(tested_isas()));

TEST(CpuDevice, RefusesWhatIsNotThere) {
  ThreadPool pool(2);
  EXPECT_THROW(make_cpu_device({"cpu", "mmx", 0, 0, false}, pool), Error);
  EXPECT_THROW(make_cpu_device({"cpu", "", 3, 0, false}, pool), Error);
  const auto cpu = make_cpu_device({}, pool);
  try {
    cpu->allocate(size_t{1} << 60, BufferUse::kKv);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
  }
}

}  // namespace
}  // namespace vivace
