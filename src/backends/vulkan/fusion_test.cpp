// Neighbouring calls that become one kernel give the bits of the calls one by one.
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "backends/vulkan/vulkan_device.h"

namespace vivace::vulkan {
namespace {

constexpr int32_t kTokens = 5, kHeads = 6, kKvHeads = 2;

/// Tensors of random values on a device; the same in every rig.
class FusionRig {
 public:
  explicit FusionRig(const std::shared_ptr<Gpu>& gpu)
      : device_(make_vulkan_device(gpu, {})), inputs_({.tokens = 8}), stream_(device_->create_stream(inputs_)) {
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
  Tensor tensor(int32_t columns) { return {buffer(size_t(kTokens) * size_t(columns)), 0, columns, columns}; }
  Weight vector(int32_t columns) {
    return {&format_row(Format::kF32), Layout::kRows, buffer(size_t(columns)), 0, 1, columns};
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

struct LayerCase {
  int32_t key_dim, rotary;  // of queries and keys
  int32_t other_dim;        // of the second tensor's heads
  NormKind kind;
};

/// What a layer does between its matmuls; the same calls on every rig.
std::vector<std::function<void(Ops&)>> layer_calls(FusionRig& rig, const LayerCase& c) {
  const int32_t columns = kHeads * c.key_dim;
  const Tensor x = rig.tensor(columns), y = rig.tensor(columns), normed = rig.tensor(columns);
  const Tensor q = rig.tensor(columns), k = rig.tensor(kKvHeads * c.other_dim), table = rig.tensor(c.rotary);
  NormArgs norm;
  norm.kind = c.kind;
  norm.input = x, norm.output = normed, norm.weight = rig.vector(columns);
  NormArgs head_norm;
  head_norm.input = head_norm.output = q, head_norm.segment = c.key_dim, head_norm.weight = rig.vector(c.key_dim);
  NormArgs key_norm;
  key_norm.input = key_norm.output = k, key_norm.segment = c.other_dim, key_norm.epsilon = 0.5f;
  const RopeArgs rope_q{q, table, kHeads, c.key_dim, c.rotary, RopePairs::kHalves};
  const RopeArgs rope_k{k, table, kKvHeads, c.other_dim, c.rotary, RopePairs::kNeighbours};
  return {[=](Ops& ops) {
            ops.add({RowSet::kTokens, x, y, x, 0.5f});
          },
          [=](Ops& ops) { ops.norm(norm); },
          [=](Ops& ops) { ops.norm(head_norm); },
          [=](Ops& ops) { ops.norm(key_norm); },
          [=](Ops& ops) { ops.rope(rope_q); },
          [=](Ops& ops) { ops.rope(rope_k); }};
}

TEST(VulkanFusion, FusedCallsGiveTheBitsOfSingleOnes) {
  if (list_gpus().empty()) GTEST_SKIP() << "did not run: there is no Vulkan device (Debian: mesa-vulkan-drivers)";
  GpuOptions options;
  options.validation = [](const std::string& message) { ADD_FAILURE() << message; };
  const std::shared_ptr<Gpu> gpu = Gpu::open(options);
  for (const LayerCase& c : {LayerCase{24, 16, 24, NormKind::kRms}, LayerCase{128, 128, 128, NormKind::kLayer},
                             LayerCase{64, 20, 200, NormKind::kRms}}) {
    SCOPED_TRACE(c.key_dim);
    FusionRig apart(gpu), together(gpu);
    const std::vector<uint8_t> before = together.run({}, false);
    const std::vector<uint8_t> expected = apart.run(layer_calls(apart, c), true);
    EXPECT_EQ(together.run(layer_calls(together, c), false), expected);
    EXPECT_NE(before, expected);
  }
}

}  // namespace
}  // namespace vivace::vulkan
