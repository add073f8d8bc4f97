// The passes on hand-made cards and devices: what is decided, what adds up, what is refused.
#include "plan/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "base/error.h"
#include "device/reference/reference_device.h"
#include "models/decoder.h"
#include "plan/cost/predict.h"

namespace vivace {
namespace {

/// A device that is only asked, never used.
class PaperDevice : public Device {
 public:
  PaperDevice(std::string id, size_t memory) {
    info_ = make_reference_device()->info();
    info_.id = std::move(id);
    info_.memory_usable = memory;
  }
  const DeviceInfo& info() const override { return info_; }
  std::unique_ptr<Buffer> allocate(size_t, BufferUse) override {
    throw Error(ErrorCode::kInternal, "the planner allocates nothing");
  }
  std::unique_ptr<Stream> create_stream(const StepInputs&) override {
    throw Error(ErrorCode::kInternal, "the planner opens no stream");
  }
  Layout preferred_layout(KernelOp, Format format, int64_t, int64_t) const override {
    return format == Format::kF32 ? Layout::kRows : Layout::kPanel16;
  }
  PreparedKinds prepared_kinds(const Weight&) const override { return 1; }
  size_t prepared_bytes(PreparedKinds, int32_t columns, int32_t rows) const override { return size_t(columns) * rows; }

  DeviceInfo info_;
};

TensorCard tensor(TensorRole role, int32_t layer, Format format, int64_t rows, int64_t columns) {
  TensorCard card;
  card.name = "t";
  card.role = role;
  card.layer = layer;
  card.format = &format_row(format);
  card.rows = rows;
  card.columns = columns;
  card.file_bytes = row_bytes(*card.format, size_t(columns)) * size_t(rows);
  return card;
}

/// Four layers, two of them windowed, a tied embedding.
ModelCard small_card() {
  ModelCard card;
  card.architecture = "llama";
  card.context_length = 8192;
  card.embedding = 64;
  card.vocabulary = 1000;
  card.tied_output = true;
  card.ropes.resize(1);
  card.ropes[0].rotary_dim = 32;
  card.tensors = {tensor(TensorRole::kTokenEmbedding, -1, Format::kQ8_0, 1000, 64),
                  tensor(TensorRole::kOutputNorm, -1, Format::kF16, 1, 64)};
  for (int32_t i = 0; i < 4; ++i) {
    card.layers.push_back({2, 1, 32, 32, 128, i % 2 ? 256 : 0, 0});
    card.tensors.push_back(tensor(TensorRole::kQuery, i, Format::kQ4_0, 64, 64));
    card.tensors.push_back(tensor(TensorRole::kFfnDown, i, Format::kF32, 64, 128));
    card.tensors.push_back(tensor(TensorRole::kAttentionNorm, i, Format::kF32, 1, 64));
  }
  return card;
}

constexpr size_t kPlenty = size_t{64} << 30;
const HostFacts kHost{6, 12, {}};

class Planning : public ::testing::Test {
 protected:
  Plan plan(const Wishes& wishes = {}) { return make_plan(card_, devices_, kHost, wishes); }

  ErrorCode refusal(const Wishes& wishes) {
    try {
      plan(wishes);
    } catch (const Error& error) {
      return error.code();
    }
    ADD_FAILURE() << "was accepted";
    return ErrorCode::kInternal;
  }

  ModelCard card_ = small_card();
  PaperDevice first_{"first", kPlenty}, second_{"second", kPlenty};
  std::vector<Device*> devices_{&first_, &second_};
};

TEST_F(Planning, DefaultsAreSensibleAndEachHasItsReason) {
  const Plan p = plan();
  EXPECT_EQ(p.threads, 6);
  EXPECT_EQ(p.threads_prefill, 6);
  EXPECT_EQ(p.context_length, 4096);
  EXPECT_EQ(p.kv_format, Format::kF16);
  EXPECT_EQ(p.limits.tokens, 512);
  EXPECT_EQ(p.limits.sequences, 1);
  EXPECT_EQ(p.limits.outputs, 1);
  EXPECT_EQ(p.limits.pages, 128);
  EXPECT_EQ(p.placement.layers, std::vector<int32_t>(4, 0));
  ASSERT_EQ(p.reasons.size(), 4u) << "threads, batch, placement, context";
  card_.context_length = 1000;
  EXPECT_EQ(plan().context_length, 1000) << "no more than the model was trained for";
}

TEST_F(Planning, WishesAreTakenAsTheyAre) {
  Wishes wishes;
  wishes.context_length = 20000;
  wishes.kv_format = Format::kQ8_0;
  wishes.batch_size = 100;
  wishes.parallel = 3;
  wishes.threads = 2;
  wishes.outputs = 7;
  const Plan p = plan(wishes);
  EXPECT_EQ(p.context_length, 20000);
  EXPECT_EQ(p.kv_format, Format::kQ8_0);
  EXPECT_EQ(p.limits.tokens, 100);
  EXPECT_EQ(p.parallel, 3);
  EXPECT_EQ(p.threads, 2);
  EXPECT_EQ(p.threads_prefill, 2) << "follows the decode threads";
  EXPECT_EQ(p.limits.outputs, 7);
  EXPECT_EQ(p.limits.pages, 625);
  wishes.threads_prefill = 9;
  wishes.outputs = 1;
  EXPECT_EQ(plan(wishes).threads_prefill, 9);
  EXPECT_EQ(plan(wishes).limits.outputs, 3) << "a row for each sequence at least";
}

TEST_F(Planning, WishesOutOfRangeAreRefused) {
  const auto refuse = [this](auto set, ErrorCode code = ErrorCode::kInvalidArgument) {
    Wishes wishes;
    set(wishes);
    EXPECT_EQ(refusal(wishes), code);
  };
  for (int32_t bad : {0, -1, 2000}) {
    refuse([bad](Wishes& w) { w.threads = bad; });
    refuse([bad](Wishes& w) { w.threads_prefill = bad; });
    refuse([bad](Wishes& w) { w.parallel = bad; });
  }
  for (int32_t bad : {0, -5, 1 << 20}) {
    refuse([bad](Wishes& w) { w.batch_size = bad; });
    refuse([bad](Wishes& w) { w.outputs = bad; });
  }
  for (int32_t bad : {0, -5, (1 << 24) + 1}) refuse([bad](Wishes& w) { w.context_length = bad; });
  refuse([](Wishes& w) { w.layer_split = {1, 1}; });
  refuse([](Wishes& w) { w.layer_split = {1, 1, 2}; });
  refuse([](Wishes& w) { w.layer_split = {5, -1}; });
  refuse([](Wishes& w) { w.kv_format = Format::kQ4_1; }, ErrorCode::kUnsupported);
  card_.layers[0].key_dim = 20;
  refuse([](Wishes& w) { w.kv_format = Format::kQ8_0; }, ErrorCode::kUnsupported);
}

TEST_F(Planning, MappedMatricesAreCountedApart) {
  Wishes wishes;
  wishes.context_length = 1000;
  const MemoryLedger loaded = plan(wishes).ledgers[0];
  wishes.map_weights = true;
  const MemoryLedger mapped = plan(wishes).ledgers[0];
  EXPECT_EQ(loaded.mapped, 0u);
  EXPECT_GT(mapped.mapped, 0u);
  EXPECT_LT(mapped.weights, loaded.weights);
  EXPECT_EQ(mapped.total(), mapped.weights + mapped.kv + mapped.activations);
  for (const TensorCard& t : card_.tensors) EXPECT_LE(loaded_bytes(t, first_, true), loaded_bytes(t, first_, false));
}

TEST_F(Planning, LedgersAddUp) {
  Wishes wishes;
  wishes.context_length = 1000;
  wishes.parallel = 2;
  const Plan p = plan(wishes);
  ASSERT_EQ(p.ledgers.size(), 2u);
  const MemoryLedger& ledger = p.ledgers[0];
  size_t weights = 32 / 2 * sizeof(float);  // the rope
  for (const TensorCard& t : card_.tensors) weights += loaded_bytes(t, first_, false);
  EXPECT_EQ(ledger.weights, weights);
  ASSERT_EQ(p.kv.groups.size(), 2u);
  ASSERT_EQ(p.kv_pages.size(), 2u);
  EXPECT_EQ(p.kv_pages[0], 2 * 32) << "1000 tokens, two sequences";
  EXPECT_EQ(p.kv_pages[1], 2 * ((256 + 512) / 32 + 1)) << "window, batch and a border";
  const size_t page = 2 * size_t{kPageTokens} * 32 * 2 * 2;  // two layers, K and V, f16
  EXPECT_EQ(p.kv.groups[0].page_bytes, page);
  EXPECT_EQ(ledger.kv, page * size_t(p.kv_pages[0] + p.kv_pages[1]));
  EXPECT_EQ(ledger.activations, activation_bytes(card_, first_, p.limits, true));
  EXPECT_EQ(ledger.total(), ledger.weights + ledger.kv + ledger.activations);
  EXPECT_EQ(p.ledgers[1].kv, 0u);
  EXPECT_EQ(p.ledgers[1].activations, 0u);
}

TEST_F(Planning, SplitsPutEachLayerWhereItWasWished) {
  Wishes wishes;
  wishes.layer_split = {1, 3};
  const Plan p = plan(wishes);
  EXPECT_EQ(p.placement.layers, (std::vector<int32_t>{0, 1, 1, 1}));
  EXPECT_EQ(p.placement.embedding, 0);
  EXPECT_EQ(p.placement.output, 1);
  EXPECT_EQ(p.kv.groups.size(), 3u) << "full on both, windowed on the second";
  EXPECT_GT(p.ledgers[1].weights, p.ledgers[0].weights) << "a tied embedding is on both";
  wishes.layer_split = {0, 4};
  EXPECT_EQ(plan(wishes).placement.embedding, 1);
  wishes.layer_split = {4};
  EXPECT_EQ(plan(wishes).placement.output, 0);
}

TEST_F(Planning, AnAutomaticContextShrinksOnASmallDeviceAWishNever) {
  const size_t needed = plan().ledgers[0].total();
  first_.info_.memory_usable = needed - 1;
  const Plan p = plan();
  EXPECT_EQ(p.context_length, 2048);
  EXPECT_LE(p.ledgers[0].total(), p.ledgers[0].usable);
  Wishes wishes;
  wishes.context_length = 4096;
  EXPECT_EQ(refusal(wishes), ErrorCode::kOutOfMemory);
  first_.info_.memory_usable = 100000;
  EXPECT_EQ(refusal({}), ErrorCode::kOutOfMemory) << "not below 512 tokens";
  first_.info_.memory_usable = 0;
  EXPECT_EQ(plan().context_length, 4096) << "0: unknown, nothing to compare with";
}

TEST_F(Planning, ARefusalNamesTheLedger) {
  first_.info_.memory_usable = 100000;
  try {
    plan();
    FAIL();
  } catch (const Error& error) {
    const std::string what = error.what();
    for (const char* part : {"first", "weights", "KV cache", "activations", "usable"}) {
      EXPECT_NE(what.find(part), std::string::npos) << what;
    }
    EXPECT_FALSE(error.hint().empty());
  }
}

TEST_F(Planning, ContextBeyondTheTrainingIsRemarked) {
  Wishes wishes;
  wishes.context_length = 10000;
  bool remarked = false;
  for (const std::string& reason : plan(wishes).reasons)
    remarked |= reason.find("trained for 8192") != std::string::npos;
  EXPECT_TRUE(remarked);
}

/// A machine with a CPU and GPUs of some kind.
class GpuPlanning : public Planning {
 protected:
  GpuPlanning() {
    for (PaperDevice* gpu : {&second_, &third_}) {
      gpu->info_.kind = DeviceKind::kDiscreteGpu;
      gpu->info_.host_memory = false;
    }
    use({&first_, &second_});
  }

  void use(std::vector<Device*> devices) { devices_ = std::move(devices); }

  Plan plan_layers(std::string_view layers) {
    Wishes wishes;
    wishes.gpu_layers = parse_layer_count(layers);
    return plan(wishes);
  }

  int32_t count(const Plan& plan, int32_t device) {
    return int32_t(std::count(plan.placement.layers.begin(), plan.placement.layers.end(), device));
  }

  PaperDevice third_{"third", kPlenty};
};

TEST_F(GpuPlanning, AutomaticLayersAreAllThatFit) {
  const Plan all = plan();
  EXPECT_EQ(count(all, 1), 4);
  EXPECT_EQ(all.placement.embedding, 1);
  EXPECT_EQ(all.placement.output, 1);
  EXPECT_EQ(all.ledgers[0].weights, 0u);
  const size_t needed = all.ledgers[1].total();
  int32_t before = 4;
  for (size_t memory = needed; memory > 0; memory -= std::min(memory, needed / 50)) {
    second_.info_.memory_usable = memory;
    const Plan p = plan();
    EXPECT_LE(p.ledgers[1].total(), memory);
    EXPECT_LE(count(p, 1), before) << "less memory, more layers";
    before = count(p, 1);
    EXPECT_EQ(p.context_length, 4096) << "the context is no smaller for the GPU's sake";
  }
  EXPECT_EQ(before, 0);
}

TEST_F(GpuPlanning, TheLastLayersGoToTheGpuAndTheOutputWithThem) {
  const Plan p = plan_layers("1");
  EXPECT_EQ(p.placement.layers, (std::vector<int32_t>{0, 0, 0, 1}));
  EXPECT_EQ(p.placement.embedding, 0);
  EXPECT_EQ(p.placement.output, 1);
  EXPECT_EQ(count(plan_layers("0.5"), 1), 2);
  EXPECT_EQ(count(plan_layers("1.0"), 1), 4);
  EXPECT_EQ(count(plan_layers("max"), 1), 4);
  EXPECT_EQ(count(plan_layers("99"), 1), 4);
  EXPECT_EQ(count(plan_layers("0"), 1), 0);
  EXPECT_EQ(plan_layers("0").placement.output, 0);
}

TEST_F(GpuPlanning, CountsThatCannotBeReadAreRefused) {
  for (const char* bad : {"", "x", "-1", "1.5", "0.5x", "-0.5", "nan", "1e3", "3 "}) {
    EXPECT_THROW(parse_layer_count(bad), Error) << bad;
  }
}

TEST_F(GpuPlanning, TheOutputStaysBehindWhereItDoesNotFit) {
  const Plan with = plan_layers("2");
  second_.info_.memory_usable = with.ledgers[1].total() - 1;
  const Plan without = plan_layers("2");
  EXPECT_EQ(count(without, 1), 2);
  EXPECT_EQ(without.placement.output, 0);
}

TEST_F(GpuPlanning, AWishThatDoesNotFitIsRefusedWithWhatDoes) {
  Wishes wishes;
  wishes.context_length = 4096;  // an automatic one would give way
  wishes.gpu_layers = parse_layer_count("1");
  second_.info_.memory_usable = plan(wishes).ledgers[1].total() - 1;
  second_.info_.memory_usable = plan(wishes).ledgers[1].total();  // a layer without the output, and no byte more
  wishes.gpu_layers = parse_layer_count("4");
  try {
    plan(wishes);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_NE(std::string(error.what()).find("second"), std::string::npos);
    EXPECT_EQ(error.hint().find("--gpu-layers 1"), 0u) << error.hint();
  }
}

TEST_F(GpuPlanning, AGpuInTheHostsMemoryIsUsedWhenAsked) {
  second_.info_.kind = DeviceKind::kIntegratedGpu;
  EXPECT_EQ(count(plan(), 1), 0);
  EXPECT_EQ(count(plan_layers("max"), 1), 4);
  Wishes wishes;
  wishes.devices_named = true;
  EXPECT_EQ(count(plan(wishes), 1), 4);
}

TEST_F(GpuPlanning, WithoutAGpuAWishForOneIsRefused) {
  use({&first_});
  EXPECT_THROW(plan_layers("1"), Error);
  EXPECT_EQ(count(plan_layers("0"), 0), 4);
}

TEST_F(GpuPlanning, SeveralGpusShareByMemoryOrAsAsked) {
  use({&first_, &second_, &third_});
  Wishes wishes;
  wishes.gpu_split = {1, 3};
  EXPECT_EQ(plan(wishes).placement.layers, (std::vector<int32_t>{1, 2, 2, 2}));
  EXPECT_EQ(plan(wishes).placement.embedding, 0) << "the output lies on another GPU";
  wishes.gpu_split = {1, 0};
  EXPECT_EQ(count(plan(wishes), 1), 4);
  wishes.gpu_split = {1};
  EXPECT_EQ(refusal(wishes), ErrorCode::kInvalidArgument);
  third_.info_.memory_usable = kPlenty / 3;
  EXPECT_EQ(plan().placement.layers, (std::vector<int32_t>{1, 1, 1, 2}));
}

TEST_F(GpuPlanning, ACacheInHostMemoryStandsInTheHostsLedger) {
  Wishes wishes;
  wishes.gpu_layers = parse_layer_count("max");
  const Plan on_gpu = plan(wishes);
  wishes.kv_on_gpu = false;
  const Plan in_host = plan(wishes);
  EXPECT_EQ(in_host.ledgers[0].kv, on_gpu.ledgers[1].kv);
  EXPECT_EQ(in_host.ledgers[1].kv, 0u);
  EXPECT_EQ(in_host.ledgers[1].weights, on_gpu.ledgers[1].weights);
  EXPECT_GT(on_gpu.ledgers[0].activations, 0u) << "staging memory";
}

TEST_F(GpuPlanning, FewerLayersAreTakenWhereMoreFailed) {
  Wishes wishes;
  wishes.gpu_layers = parse_layer_count("max");
  wishes.most_gpu_layers = 3;
  EXPECT_EQ(count(plan(wishes), 1), 3);
}

TEST_F(GpuPlanning, TunedLayersAreTakenWhereTheyFitAndNobodyAskedForOthers) {
  Wishes wishes;
  wishes.tuned_gpu_layers = 2;
  EXPECT_EQ(count(plan(wishes), 1), 2);
  wishes.tuned_gpu_layers = 0;
  EXPECT_EQ(count(plan(wishes), 1), 0);
  wishes.tuned_gpu_layers = 1000;
  EXPECT_EQ(count(plan(wishes), 1), count(plan({}), 1));
  wishes.gpu_layers = parse_layer_count("3");
  EXPECT_EQ(count(plan(wishes), 1), 3);
}

TEST_F(Planning, PassesAreNamed) {
  for (const PlanPass& pass : plan_passes()) EXPECT_STRNE(pass.name, "");
  EXPECT_EQ(plan_passes().size(), 6u);
}

TEST_F(Planning, APassMayBeLeftOut) {
  Wishes wishes;
  wishes.without = {"threads", "context"};
  const Plan p = plan(wishes);
  EXPECT_EQ(p.threads, 12) << "all logical CPUs";
  EXPECT_EQ(p.context_length, 8192) << "as trained";
  wishes.without = {"memory"};
  first_.info_.memory_usable = 1000;
  second_.info_.memory_usable = 1000;
  wishes.context_length = 512;
  EXPECT_GT(plan(wishes).ledgers[0].total(), 1000u) << "nobody refuses";
  wishes.without = {"magic"};
  EXPECT_EQ(refusal(wishes), ErrorCode::kInvalidArgument);
}

/// The speeds of a CPU and a GPU, the GPU so many times as fast.
std::vector<DeviceSpeed> two_speeds(double ratio, double link = 16e9) {
  SpeedFacts cpu{.bytes_per_second = 50e9, .macs_per_second = 1e12};
  SpeedFacts gpu{
      .bytes_per_second = 50e9 * ratio, .macs_per_second = 1e12 * ratio, .step_seconds = 20e-6, .link = link};
  return {speed_of_facts("first", cpu), speed_of_facts("second", gpu)};
}

TEST_F(GpuPlanning, FeedForwardMayStayOnTheCpu) {
  const Plan whole = plan_layers("3");
  Wishes wishes;
  wishes.gpu_layers = parse_layer_count("3");
  wishes.cpu_ffn = parse_layer_count("2", "--cpu-ffn");
  const Plan p = plan(wishes);
  EXPECT_EQ(p.placement.layers, (std::vector<int32_t>{0, 1, 1, 1}));
  EXPECT_EQ(p.placement.feed_forward, (std::vector<int32_t>{0, 0, 0, 1}));
  EXPECT_EQ(cpu_ffn_of(p, devices_), 2);
  EXPECT_EQ(p.ledgers[1].kv, whole.ledgers[1].kv) << "the cache stays with the attention";
  size_t moved = 0;
  for (const TensorCard& tensor : card_.tensors) {
    if (tensor.layer < 1 || tensor.layer > 2 || !is_feed_forward(tensor.role)) continue;
    moved += loaded_bytes(tensor, second_, false);
  }
  EXPECT_GT(moved, 0u);
  EXPECT_EQ(whole.ledgers[1].weights - p.ledgers[1].weights, moved);
  wishes.cpu_ffn = parse_layer_count("max", "--cpu-ffn");
  EXPECT_EQ(cpu_ffn_of(plan(wishes), devices_), 3) << "of the layers on the GPU";
  wishes.gpu_layers = parse_layer_count("2");
  wishes.cpu_ffn = parse_layer_count("0.5", "--cpu-ffn");
  EXPECT_EQ(cpu_ffn_of(plan(wishes), devices_), 1) << "half of those on the GPU, not of all";
  wishes.gpu_layers = parse_layer_count("0");
  EXPECT_EQ(cpu_ffn_of(plan(wishes), devices_), 0);
  EXPECT_TRUE(plan(wishes).placement.feed_forward.empty());
}

TEST_F(GpuPlanning, FeedForwardNeedsACpuToStayOn) {
  use({&second_, &third_});
  Wishes wishes;
  wishes.cpu_ffn = parse_layer_count("1", "--cpu-ffn");
  EXPECT_EQ(refusal(wishes), ErrorCode::kUnsupported);
}

TEST_F(GpuPlanning, ExpertsStayOnTheCpuWhereThatIsFaster) {
  for (TensorCard& tensor : card_.tensors) {
    if (!is_feed_forward(tensor.role) || tensor.rows == 1) continue;
    tensor.rows *= 64;  // of which a token takes one
    tensor.file_bytes *= 64;
    tensor.active_share = 1.0F / 64;
  }
  Wishes wishes;
  wishes.context_length = 2048;
  const size_t all = plan(wishes).ledgers[1].total();
  HostFacts host{6, 12, two_speeds(16, 1e15)};
  host.speeds[1].step_seconds = 0;  // this model is tiny
  second_.info_.memory_usable = all / 3;
  const Plan p = make_plan(card_, devices_, host, wishes);
  EXPECT_EQ(count(p, 1), 4) << "attention of all layers";
  EXPECT_GT(cpu_ffn_of(p, devices_), 0);
  EXPECT_LE(p.ledgers[1].total(), second_.info_.memory_usable);
  EXPECT_TRUE(std::any_of(p.reasons.begin(), p.reasons.end(),
                          [](const std::string& reason) { return reason.find("feed-forward: on the CPU") == 0; }));
}

TEST_F(GpuPlanning, WhereSpeedsAreKnownTheFastestPlacementIsTakenAndNoOther) {
  std::mt19937 random(7);
  const auto between = [&](double least, double most) {
    return std::uniform_real_distribution<double>(least, most)(random);
  };
  Wishes wishes;
  wishes.context_length = 2048;
  const size_t whole = plan(wishes).ledgers[1].total();
  for (int round = 0; round < 200; ++round) {
    HostFacts host{6, 12, two_speeds(std::exp2(between(-3, 5)))};
    second_.info_.memory_usable = size_t(double(whole) * between(0.05, 1.2));
    const auto rate = [&](const Plan& p) {
      const std::vector<DeviceSpeed> speeds = speeds_of(host, devices_, p.threads);
      return predict_decode_rate({card_, p.placement, p.kv_format, speeds}, 1, p.context_length / 2);
    };
    const Plan chosen = make_plan(card_, devices_, host, wishes);
    EXPECT_LE(chosen.ledgers[1].total(), second_.info_.memory_usable);
    double best = 0;  // of everything one could ask for that fits
    for (int32_t asked_for = 0; asked_for < 25; ++asked_for) {
      const int32_t layers = asked_for / 5, kept = asked_for % 5;
      if (kept > layers) continue;
      Wishes asked = wishes;
      asked.gpu_layers = LayerCount{LayerCount::Kind::kCount, layers, 0};
      asked.cpu_ffn = LayerCount{LayerCount::Kind::kCount, kept, 0};
      try {
        best = std::max(best, rate(make_plan(card_, devices_, host, asked)));
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
      }
    }
    EXPECT_GE(rate(chosen), best * (1 - 1e-12)) << "round " << round;
  }
}

TEST_F(GpuPlanning, MoreMemoryOrBandwidthNeverMakesThePlanSlower) {
  Wishes wishes;
  wishes.context_length = 2048;
  const size_t whole = plan(wishes).ledgers[1].total();
  const auto rate = [&](size_t memory, double ratio) {
    HostFacts host{6, 12, two_speeds(ratio)};
    second_.info_.memory_usable = memory;
    const Plan p = make_plan(card_, devices_, host, wishes);
    const std::vector<DeviceSpeed> speeds = speeds_of(host, devices_, p.threads);
    return predict_decode_rate({card_, p.placement, p.kv_format, speeds}, 1, 1024);
  };
  for (double ratio : {0.25, 1.0, 4.0, 16.0}) {
    double last = 0;
    for (size_t memory = whole / 20; memory <= whole + whole / 10; memory += whole / 20) {
      const double now = rate(memory, ratio);
      EXPECT_GE(now, last * (1 - 1e-12)) << ratio << " " << memory;
      EXPECT_GE(rate(memory, ratio * 1.5), now * (1 - 1e-12)) << ratio << " " << memory;
      last = now;
    }
  }
}

TEST_F(GpuPlanning, WhatStaysOnTheCpuIsExplainedWithWhatWouldFit) {
  for (LayerCard& layer : card_.layers) layer.window = 0;
  Wishes wishes;
  wishes.context_length = 8192;
  wishes.gpu_layers = parse_layer_count("max");
  const size_t whole = plan(wishes).ledgers[1].total();
  second_.info_.memory_usable = whole * 6 / 10;
  wishes.gpu_layers.reset();
  const Plan p = plan(wishes);
  ASSERT_LT(count(p, 1), 4);
  std::string text;
  for (const std::string& reason : p.reasons) text += reason + "\n";
  EXPECT_NE(text.find("on the CPU: second has"), std::string::npos) << text;
  const size_t at = text.find("at a context of ", text.find("are needed") + 30);
  ASSERT_NE(at, std::string::npos) << text;
  const int32_t context = std::stoi(text.substr(at + 16));
  EXPECT_EQ(context % 128, 0);
  EXPECT_NE(text.find("with --kv-type q8_0"), std::string::npos) << text;
  // It is true, and the next step of the context is not.
  wishes.context_length = context;
  EXPECT_EQ(count(plan(wishes), 1), 4);
  wishes.context_length = context + 128;
  EXPECT_TRUE(count(plan(wishes), 1) < 4 || plan(wishes).placement.output == 0);
}

TEST_F(GpuPlanning, FewThreadsAreWokenBesideAGpu) {
  HostFacts host{64, 128, {}};
  const auto threads = [&](const char* layers) {
    Wishes wishes;
    wishes.gpu_layers = parse_layer_count(layers);
    return make_plan(card_, devices_, host, wishes).threads;
  };
  EXPECT_EQ(threads("0"), 64);
  EXPECT_EQ(threads("2"), 8);
  EXPECT_EQ(threads("max"), 64) << "the CPU computes nothing: nothing to save";
  host.speeds = two_speeds(4);
  host.speeds[0].measured = true;
  host.speeds[0].threads = 64;
  host.speeds[0].thread_points = {{1, 10e9, 1}, {8, 60e9, 8}, {16, 99e9, 16}, {64, 100e9, 64}};
  EXPECT_EQ(threads("2"), 16) << "as many as reach the measured bandwidth";
}

}  // namespace
}  // namespace vivace
