// The arithmetic of predictions, on speeds made by hand.
#include "plan/cost/predict.h"

#include <gtest/gtest.h>

#include "models/paper_card.h"
#include "plan/cost/forecast.h"
#include "plan/cost/guess_speed.h"
#include "plan/paper_device.h"

namespace vivace {
namespace {

ModelShape seven_b() {
  return {.name = "llama-7b",
          .architecture = "llama",
          .layers = 32,
          .embedding = 4096,
          .heads = 32,
          .kv_heads = 32,
          .head_dim = 128,
          .feed_forward = 11008,
          .vocabulary = 32000,
          .context_length = 4096};
}

constexpr double kBandwidth = 100e9;

/// Reads kBandwidth bytes per second, whatever the format, and computes at `macs`.
DeviceSpeed plain_speed(const std::string& id = "cpu", double bandwidth = kBandwidth, double macs = 1e12) {
  return speed_of_facts(
      id, {.bytes_per_second = bandwidth, .macs_per_second = macs, .decode_share = 1, .prefill_share = 1});
}

Placement on_first(const ModelCard& card) {
  Placement placement;
  placement.layers.assign(card.layers.size(), 0);
  return placement;
}

TEST(Predict, DecodeReadsEveryWeightAndTheCacheOnce) {
  const ModelCard card = shape_card(seven_b(), "Q8_0");
  DeviceSpeed speed = plain_speed();
  speed.values_per_second = 0;
  const Placement placement = on_first(card);
  const StepSetting setting{card, placement, Format::kF16, {&speed, 1}};
  const double embedding = 32000.0 * 4096 * 34 / 32;
  const double bytes = double(card.weight_bytes()) - embedding - 65 * 4096 * 4;  // a table, and vectors of norms
  EXPECT_NEAR(bytes_per_token(card, Format::kF16, 0), bytes, 1);
  EXPECT_NEAR(predict_step(setting, {}).weights, bytes / kBandwidth, 1e-9);
  StepLoad deep;
  deep.depth = 4095;
  EXPECT_NEAR(predict_step(setting, deep).attention, 32 * 4096.0 * 2 * 4096 * 2 / kBandwidth, 1e-5);
  EXPECT_NEAR(bytes_per_token(card, Format::kQ8_0, 4096) - bytes, 1140850688.0, 1) << "of the document's model";
}

TEST(Predict, ATiedEmbeddingIsTheOutputAndIsRead) {
  ModelShape shape = seven_b();
  shape.tied_output = true;
  EXPECT_EQ(bytes_per_token(shape_card(shape, "Q8_0"), Format::kF16, 0),
            bytes_per_token(shape_card(seven_b(), "Q8_0"), Format::kF16, 0));
}

TEST(Predict, PrefillIsLimitedByArithmeticAndBatchesShareWeights) {
  const ModelCard card = shape_card(seven_b(), "Q8_0");
  DeviceSpeed speed = plain_speed();
  speed.values_per_second = 0;
  const Placement placement = on_first(card);
  const StepSetting setting{card, placement, Format::kF16, {&speed, 1}};
  const double one = predict_decode_rate(setting, 1, 0), sixteen = predict_decode_rate(setting, 16, 0);
  EXPECT_GT(sixteen, 3 * one) << "small batches don't fill a matrix unit";
  EXPECT_LE(sixteen, 16 * one * 1.001);
  const double macs = 512.0 * (32.0 * (4 * 4096.0 * 4096 + 3 * 4096.0 * 11008));
  EXPECT_GT(predict_prefill(setting, 512, 0, 512).total(), macs / 1e12 * 0.95) << "the last layer works on one row";
  EXPECT_LT(predict_prefill(setting, 512, 0, 512).total(), macs / 1e12 * 1.2);
  EXPECT_GT(predict_prefill(setting, 512, 0, 16).total(), predict_prefill(setting, 512, 0, 512).total());
}

TEST(Predict, WindowsEndTheGrowthWithDepth) {
  ModelShape shape = seven_b();
  shape.window = 512;
  const ModelCard card = shape_card(shape, "Q4_0");
  DeviceSpeed speed = plain_speed();
  const Placement placement = on_first(card);
  const StepSetting setting{card, placement, Format::kF16, {&speed, 1}};
  StepLoad load;
  load.depth = 512;
  const double at_window = predict_step(setting, load).attention;
  load.depth = 4000;
  EXPECT_EQ(predict_step(setting, load).attention, at_window);
}

TEST(Predict, OfExpertsOnlyThoseInUseAreRead) {
  ModelShape shape = seven_b();
  shape.feed_forward = 0;
  shape.experts = 8;
  shape.experts_used = 2;
  shape.expert_feed_forward = 11008;
  const ModelCard card = shape_card(shape, "Q8_0");
  EXPECT_FALSE(card.not_runnable.empty());
  const double experts = 32 * 3.0 * 4096 * 11008 * 34 / 32;
  const double dense = bytes_per_token(shape_card(seven_b(), "Q8_0"), Format::kF16, 0) - experts;
  const double routers = 32 * 4096.0 * 8 * 4;
  EXPECT_NEAR(bytes_per_token(card, Format::kF16, 0), dense + 2 * experts + routers, 1e3);
  DeviceSpeed speed = plain_speed();
  const Placement placement = on_first(card);
  const StepSetting setting{card, placement, Format::kF16, {&speed, 1}};
  // Eight sequences touch nearly all experts, each of them a quarter of the time.
  const double one = predict_decode_rate(setting, 1, 0), eight = predict_decode_rate(setting, 8, 0);
  EXPECT_GT(eight, 1.5 * one);
  EXPECT_LT(eight, 4 * one);
}

TEST(Predict, ASplitCostsTheHopAndTheSlowerPart) {
  const ModelCard card = shape_card(seven_b(), "Q4_0");
  std::vector<DeviceSpeed> speeds{plain_speed("cpu"), plain_speed("gpu", 10 * kBandwidth, 1e13)};
  speeds[1].link_up = speeds[1].link_down = 10e9;
  speeds[1].step_seconds = 1e-4;
  double last = 0;
  for (int32_t layers = 1; layers <= 32; ++layers) {
    Placement placement = on_first(card);
    std::fill(placement.layers.end() - layers, placement.layers.end(), 1);
    placement.output = 1;
    const StepSetting setting{card, placement, Format::kF16, speeds};
    const StepTime time = predict_step(setting, {});
    EXPECT_NEAR(time.hops, (layers < 33 ? 1e-4 + 4096 * 4 / 10e9 : 0), 1e-12);
    const double rate = 1 / time.total();
    EXPECT_GT(rate, last) << layers;
    last = rate;
  }
}

TEST(Predict, WhatComesFromTheDiskIsSlow) {
  const ModelCard card = shape_card(seven_b(), "Q4_0");
  DeviceSpeed speed = plain_speed();
  const Placement placement = on_first(card);
  StepSetting setting{card, placement, Format::kF16, {&speed, 1}};
  const double without = predict_step(setting, {}).total();
  setting.disk_share = 0.5;
  setting.disk_bytes_per_second = 1e9;
  EXPECT_NEAR(predict_step(setting, {}).total() - without, bytes_per_token(card, Format::kF16, 0) / 2 / 1e9, 1e-3);
}

TEST(DeviceSpeedTable, WhatIsReadAgainAndAgainMayComeFromACache) {
  DeviceSpeed speed = plain_speed();
  speed.streams = {{1e6, 8 * kBandwidth}, {1e8, 2 * kBandwidth}, {1e9, kBandwidth}};
  EXPECT_EQ(stream_rate(speed, 1), 8 * kBandwidth);
  EXPECT_EQ(stream_rate(speed, 1e12), kBandwidth);
  EXPECT_GT(stream_rate(speed, 5e6), 2 * kBandwidth);
  EXPECT_LT(stream_rate(speed, 5e6), 8 * kBandwidth);
  const double small = matmul_seconds(speed, Format::kQ8_0, 500, 2000, 1, 1e6),
               large = matmul_seconds(speed, Format::kQ8_0, 500, 2000, 1, 1e9);
  EXPECT_LT(small, large);
  EXPECT_GE(small, large / 8 * 0.999);
}

TEST(DeviceSpeedTable, ThreadsBeyondTheCoresAddNothing) {
  DeviceSpeed speed = plain_speed();
  speed.threads = 8;
  speed.thread_points = {{1, 20e9, 1}, {4, 80e9, 4}, {8, 100e9, 8}};
  double last = 0;
  for (int32_t threads : {1, 2, 4, 6, 8}) {
    const DeviceSpeed with = with_threads(speed, threads, 8);
    EXPECT_GT(with.bytes_per_second, last);
    last = with.bytes_per_second;
  }
  EXPECT_EQ(with_threads(speed, 16, 8).bytes_per_second, kBandwidth);
  EXPECT_EQ(with_threads(speed, 16, 8).formats[0].points[0].from_memory, speed.formats[0].points[0].from_memory);
}

TEST(Forecast, TellsWhatUsersAskAbout) {
  const ModelCard card = shape_card(seven_b(), "Q4_K_M");
  DeviceInfo info;
  info.id = "cpu";
  info.memory_usable = size_t{32} << 30;
  const std::unique_ptr<Device> cpu = make_paper_device({info, 0});
  Device* const devices[] = {cpu.get()};
  HostFacts host{8, 16, {plain_speed()}};
  Wishes wishes;
  wishes.parallel = 6;
  const Plan plan = make_plan(card, devices, host, wishes);
  const auto forecast = make_forecast(card, plan, devices, host, {.prompt = 1000});
  ASSERT_TRUE(forecast);
  EXPECT_EQ(forecast->prompt, 1000);
  EXPECT_NEAR(forecast->time_to_first_token, 1000 / forecast->prefill_tokens_per_second, 1e-9);
  ASSERT_EQ(forecast->decode.size(), 6u) << "three depths, then 2, 4 and 6 streams";
  EXPECT_EQ(forecast->decode[0].tokens_per_second, forecast->decode_tokens_per_second);
  EXPECT_GT(forecast->decode[0].tokens_per_second, forecast->decode[2].tokens_per_second);
  EXPECT_EQ(forecast->decode[5].streams, 6);
  EXPECT_GT(forecast->decode[5].tokens_per_second, forecast->decode[4].tokens_per_second);
  EXPECT_FALSE(forecast->measured);
  host.speeds.clear();
  EXPECT_FALSE(make_forecast(card, plan, devices, host, {}));
  ForecastOptions guessing;
  guessing.prompt = 1000;
  guessing.guesses = {plain_speed()};
  EXPECT_EQ(make_forecast(card, plan, devices, host, guessing)->time_to_first_token, forecast->time_to_first_token);
}

TEST(Forecast, AGuessKnowsMoreCoresAndGpusAsFaster) {
  DeviceInfo cpu, gpu;
  gpu.kind = DeviceKind::kDiscreteGpu;
  EXPECT_GT(guess_speed(cpu, 4).bytes_per_second, guess_speed(cpu, 1).bytes_per_second);
  EXPECT_GT(guess_speed(gpu, 4).bytes_per_second, guess_speed(cpu, 64).bytes_per_second);
}

}  // namespace
}  // namespace vivace
