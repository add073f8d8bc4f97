// Answers to wishes that can and can't be met, sweeps, and the page.
#include <gtest/gtest.h>

#include "advise/answer_json.h"
#include "advise/goals.h"
#include "advise/plan_page.h"
#include "advise/plan_sweep.h"
#include "advise/svg_plot.h"
#include "base/error.h"
#include "base/json.h"
#include "catalog/hardware_catalog.h"
#include "catalog/model_catalog.h"

namespace vivace {
namespace {

class Advice : public ::testing::Test {
 protected:
  void look_at(const char* hardware) {
    machine_ = make_paper_machine(hardware_catalog(), hardware);
    devices_ = machine_.device_pointers();
    wishes_.devices_named = true;
  }

  ModelCard card(const char* name, const char* mix = "Q4_K_M") { return shape_card(*find_model_shape(name), mix); }

  PlanAnswer answer(const ModelCard& card) { return answer_plan(card, devices_, machine_.host, wishes_, {}); }

  PaperMachine machine_;
  std::vector<Device*> devices_;
  Wishes wishes_;
};

TEST_F(Advice, WhatFitsIsAnsweredAsWished) {
  look_at("rtx-4090");
  wishes_.context_length = 4096;
  const PlanAnswer a = answer(card("llama-2-7b"));
  EXPECT_TRUE(a.fits);
  EXPECT_TRUE(a.changes.empty());
  ASSERT_TRUE(a.forecast);
  EXPECT_GT(a.forecast->decode_tokens_per_second, 50);
  EXPECT_EQ(a.plan.context_length, 4096);
}

TEST_F(Advice, WhatDoesNotFitGetsTheNearestPlanAndItsChanges) {
  look_at("rtx-3060");
  wishes_.gpu_layers = parse_layer_count("max");
  wishes_.context_length = 4096;
  const PlanAnswer a = answer(card("llama-30b"));
  EXPECT_FALSE(a.fits);
  EXPECT_FALSE(a.refusal.empty());
  ASSERT_EQ(a.changes.size(), 1u) << "fewer layers on the GPU is enough";
  EXPECT_NE(a.changes[0].find("--gpu-layers"), std::string::npos);
  EXPECT_EQ(a.plan.context_length, 4096) << "nothing else is lowered";
  for (const MemoryLedger& ledger : a.plan.ledgers) EXPECT_LE(ledger.total(), ledger.usable);
}

TEST_F(Advice, WhereMemoryIsTooSmallTheDiskGivesASadNumber) {
  look_at("apple-m1-pro-16-gb");
  const PlanAnswer a = answer(card("llama-30b"));
  EXPECT_FALSE(a.fits);
  EXPECT_NE(a.changes.back().find("--mmap"), std::string::npos);
  ASSERT_TRUE(a.forecast);
  EXPECT_GT(a.forecast->disk_share, 0);
  EXPECT_LT(a.forecast->decode_tokens_per_second, 2);
  EXPECT_GT(a.forecast->decode_tokens_per_second, 0);
}

TEST_F(Advice, JsonSaysWhatProgramsAskFor) {
  look_at("rtx-3060");
  const ModelCard thirteen = card("llama-13b");
  const PlanAnswer a = answer(thirteen);
  const Json json = answer_json(thirteen, a, {"llama-13b", machine_.name, "catalogue", devices_});
  EXPECT_EQ(json["layer_devices"].size(), 40u);
  for (const Json& memory : json["memory"]) {
    EXPECT_EQ(memory["total_bytes"].get<size_t>(), memory["weights_bytes"].get<size_t>() +
                                                       memory["kv_bytes"].get<size_t>() +
                                                       memory["activation_bytes"].get<size_t>());
  }
  for (const char* field : {"prefill_tokens_per_second", "decode_tokens_per_second", "time_to_first_token_seconds"}) {
    EXPECT_GT(json["predicted"][field].get<double>(), 0) << field;
  }
  EXPECT_TRUE(json["fits"].get<bool>());
  EXPECT_GE(json["reasons"].size(), 4u);
}

TEST_F(Advice, GoalsChooseWhatAutoBeginsWith) {
  look_at("rtx-4090");
  apply_goal("server", wishes_);
  const PlanAnswer server = answer(card("llama-2-7b"));
  EXPECT_EQ(server.plan.parallel, 8);
  EXPECT_EQ(server.plan.limits.tokens, 2048);
  apply_goal("code", wishes_);
  EXPECT_EQ(answer(card("llama-2-7b")).plan.context_length, 2048);
  apply_goal("documents", wishes_);
  EXPECT_EQ(answer(card("llama-2-7b")).plan.context_length, 4096) << "no more than it was trained for";
  EXPECT_THROW(apply_goal("fun", wishes_), Error);
}

TEST_F(Advice, SweepsShowTheCurveAndWhatDoesNotFit) {
  look_at("rtx-3060");
  wishes_.context_length = 2048;
  const PlanSweep layers = sweep_plan(card("llama-30b"), devices_, machine_.host, wishes_, {}, "gpu-layers");
  EXPECT_TRUE(layers.points.front().refusal.empty());
  EXPECT_FALSE(layers.points.back().refusal.empty()) << "18 GiB on a card of 12";
  double last = 0;
  for (const PlanSweepPoint& point : layers.points) {
    if (!point.refusal.empty() || point.value == 0) continue;
    EXPECT_GE(point.decode_tokens_per_second, last) << point.value;
    last = point.decode_tokens_per_second;
  }
  wishes_ = {};
  wishes_.devices_named = true;
  const ModelCard seven = card("llama-2-7b");
  for (std::string_view lever : sweep_levers()) {
    const PlanSweep sweep = sweep_plan(seven, devices_, machine_.host, wishes_, {}, lever);
    EXPECT_GE(sweep.points.size(), 4u) << lever;
    EXPECT_EQ(plan_sweep_json(sweep)["points"].size(), sweep.points.size());
  }
  EXPECT_THROW(sweep_plan(seven, devices_, machine_.host, wishes_, {}, "colour"), Error);
  look_at("epyc-9554");
  EXPECT_THROW(sweep_plan(seven, devices_, machine_.host, wishes_, {}, "gpu-layers"), Error);
}

TEST_F(Advice, ThePageStandsAloneAndEscapesNames) {
  look_at("rtx-3060");
  const ModelCard thirteen = card("llama-13b");
  const PlanAnswer a = answer(thirteen);
  const std::string page = plan_page(thirteen, a, {"<script>alert(1)</script>", machine_.name, "catalogue", devices_},
                                     machine_.host, wishes_, {});
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("http://"), std::string::npos);
  EXPECT_EQ(page.find("https://"), std::string::npos);
  size_t plots = 0;
  for (size_t at = page.find("<svg"); at != std::string::npos; at = page.find("<svg", at + 1)) ++plots;
  EXPECT_EQ(plots, 4u) << "memory, layers, context, streams";
}

TEST(Svg, PlotsOfNothingAreNothing) {
  EXPECT_EQ(line_plot({}), "");
  EXPECT_EQ(stacked_bars({}, "GiB", "usable"), "");
  EXPECT_EQ(html_text("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
}

}  // namespace
}  // namespace vivace
