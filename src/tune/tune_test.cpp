// The measurement's parts: a probe that runs, times that add up. How fast this machine is, is nobody's test.
#include <gtest/gtest.h>

#include "backends/registry.h"
#include "base/error.h"
#include "models/model_card.h"
#include "models/model_file.h"
#include "tune/kernel_rig.h"
#include "tune/measure_speed.h"
#include "tune/probe_model.h"

namespace vivace {
namespace {

TEST(Probe, IsAModelThatCanBeRead) {
  const std::vector<uint8_t> file = make_probe_model({3, 128, 2, 256});
  const ModelCard card = read_model_card(open_model_memory(file));
  EXPECT_EQ(card.layers.size(), 3u);
  EXPECT_EQ(card.layers[0].key_dim, 64);
  EXPECT_TRUE(card.tied_output);
}

TEST(Rig, TakesTheTimeOfWhatItRuns) {
  ThreadPool pool(1);
  const std::unique_ptr<Device> device = open_device("reference", {}, pool);
  KernelRig rig(*device);
  Buffer& memory = rig.buffer(1 << 20, BufferUse::kActivations);
  const Tensor few{&memory, 0, 64, 64}, many{&memory, 0, 256, 256};
  rig.set_step(512);
  const auto time = [&](const Tensor& x) {
    return rig.median_seconds([&](Ops& ops) { ops.scale({RowSet::kTokens, x, x, 1.0f, 1.0f}); }, 0.01);
  };
  EXPECT_GT(time(many), time(few));
}

TEST(Measure, CanBeInterrupted) {
  MeasureOptions options;
  options.memory = size_t{256} << 20;
  options.progress = [](size_t, size_t) { return false; };
  EXPECT_THROW(measure_cpu_speed(options), Error);
}

}  // namespace
}  // namespace vivace
