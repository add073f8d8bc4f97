// Fused calls give the bits of the calls one by one.
#include "backends/cuda/program.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>

#include "backends/cuda/cuda_device.h"
#include "backends/cuda/prepared.h"

namespace vivace::cuda {
namespace {

constexpr int32_t kTokens = 5, kHeads = 6, kKvHeads = 2, kHeadDim = 24, kRotary = 16, kColumns = kHeads * kHeadDim;

/// Tensors of random values on a device; the same in every rig.
class FusionRig {
 public:
  FusionRig() : device_(make_cuda_device({})), inputs_({.tokens = 8}), stream_(device_->create_stream(inputs_)) {
    inputs_.tokens() = kTokens;
    inputs_.sequences() = 1;
    inputs_.sequence_tokens()[0] = kTokens;
    for (int32_t t = 0; t < kTokens; ++t) inputs_.positions()[t] = 3 * t;
  }

  Buffer* buffer(size_t values) {
    std::vector<float> random(values);
    std::normal_distribution<float> normal;
    for (float& value : random) value = normal(engine_);
    buffers_.push_back(device_->allocate(values * sizeof(float), BufferUse::kActivations));
    buffers_.back()->write(0, {reinterpret_cast<const uint8_t*>(random.data()), values * sizeof(float)});
    return buffers_.back().get();
  }
  Tensor tensor(int32_t columns) { return {buffer(size_t(kTokens) * columns), 0, columns, columns}; }
  Weight vector(int32_t columns) {
    return {&format_row(Format::kF32), Layout::kRows, buffer(size_t(columns)), 0, 1, columns};
  }
  Prepared prepared(int32_t columns) {
    return {buffer(prepared_form_bytes(kPreparedInt8, columns, kTokens) / sizeof(float)), 0, kPreparedInt8, columns};
  }

  /// Runs calls as one step, or each as a step of its own, and returns the bytes of all buffers.
  std::vector<uint8_t> run(const std::vector<std::function<void(Ops&)>>& calls, bool apart) {
    for (const auto& call : calls) {
      call(*stream_);
      if (apart) stream_->sync();
    }
    stream_->sync();
    std::vector<uint8_t> all;
    for (const auto& buffer : buffers_) {
      std::vector<uint8_t> bytes(buffer->size());
      buffer->read(0, bytes);
      all.insert(all.end(), bytes.begin(), bytes.end());
    }
    return all;
  }

 private:
  std::mt19937 engine_{5};
  std::unique_ptr<Device> device_;
  StepInputs inputs_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::unique_ptr<Stream> stream_;
};

/// What a layer does between its matmuls; the same calls on every rig.
std::vector<std::function<void(Ops&)>> layer_calls(FusionRig& rig) {
  const Tensor x = rig.tensor(kColumns), y = rig.tensor(kColumns), normed = rig.tensor(kColumns);
  const Tensor q = rig.tensor(kColumns), k = rig.tensor(kKvHeads * kHeadDim), table = rig.tensor(kRotary);
  NormArgs norm;
  norm.input = x, norm.output = normed, norm.weight = rig.vector(kColumns), norm.prepared = rig.prepared(kColumns);
  NormArgs head_norm;
  head_norm.input = head_norm.output = q, head_norm.segment = kHeadDim, head_norm.weight = rig.vector(kHeadDim);
  NormArgs key_norm = head_norm;
  key_norm.input = key_norm.output = k;
  const RopeArgs rope_q{q, table, kHeads, kHeadDim, kRotary, RopePairs::kHalves};
  const RopeArgs rope_k{k, table, kKvHeads, kHeadDim, kRotary, RopePairs::kNeighbours};
  return {[=](Ops& ops) {
            ops.add({RowSet::kTokens, x, y, x, 0.5f});
          },
          [=](Ops& ops) { ops.norm(norm); },
          [=](Ops& ops) { ops.norm(head_norm); },
          [=](Ops& ops) { ops.norm(key_norm); },
          [=](Ops& ops) { ops.rope(rope_q); },
          [=](Ops& ops) { ops.rope(rope_k); }};
}

TEST(Program, FusedCallsGiveTheBitsOfSingleOnes) {
  FusionRig apart, together;
  const std::vector<uint8_t> expected = apart.run(layer_calls(apart), true);
  EXPECT_EQ(together.run(layer_calls(together), false), expected);
}

}  // namespace
}  // namespace vivace::cuda
