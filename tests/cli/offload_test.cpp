// The options of GPU offload, as a user gives them.
#include <gtest/gtest.h>

#include "../support/model_rig.h"
#include "program_run.h"
#include "tiny_text_model.h"

namespace vivace::test {
namespace {

class OffloadOptions : public ::testing::Test {
 protected:
  void SetUp() override { write_tiny_text_model(scratch_ / "tiny.gguf"); }

  ProgramResult run(std::vector<std::string> more, std::vector<std::string> environment = {}) const {
    std::vector<std::string> arguments{
        "run",   (scratch_ / "tiny.gguf").string(), "Hello", "--max-tokens", "4", "--temperature", "0", "--ignore-eos",
        "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_vivace(arguments, {.environment = std::move(environment)});
  }

  void need_vulkan() const {
#if defined(VIVACE_VULKAN)
    if (!has_vulkan_device()) GTEST_SKIP() << "did not run: there is no Vulkan device";
#else
    GTEST_SKIP() << "did not run: this build has no Vulkan backend";
#endif
  }

  ScratchFolder scratch_;
};

TEST_F(OffloadOptions, LayersGoToTheGpuThatIsNamed) {
  need_vulkan();
  if (IsSkipped()) return;
  const ProgramResult cpu = run({"--gpu-layers", "0"});
  ASSERT_EQ(cpu.exit_code, 0) << cpu.err;
  const Json none = cpu.json();
  EXPECT_EQ(none["settings"]["gpu_layers"], 0);
  for (const char* layers : {"auto", "max", "1", "0.5"}) {
    const ProgramResult result = run({"--device", "vulkan0", "--gpu-layers", layers});
    ASSERT_EQ(result.exit_code, 0) << layers << result.err;
    EXPECT_GT(result.json()["settings"]["gpu_layers"], 0) << layers;
    EXPECT_EQ(result.json()["ids"], none["ids"]) << layers;
  }
}

TEST_F(OffloadOptions, TuningTriesTheLayers) {
  need_vulkan();
  if (IsSkipped()) return;
  const std::vector<std::string> environment = {"VIVACE_HOME=" + (scratch_ / "home").string()};
  const std::string model = (scratch_ / "tiny.gguf").string();
  const auto vivace = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin() + 1, {model, "--device", "vulkan0", "--json"});
    return run_vivace(arguments, {.environment = environment});
  };
  // One lever is open, and has all the time that a busy machine needs.
  const ProgramResult tuned = vivace({"tune", "--budget", "300", "--threads", "1", "--threads-prefill", "1",
                                      "--batch-size", "64", "--kv-type", "f16"});
  ASSERT_EQ(tuned.exit_code, 0) << tuned.err;
  const Json lever = tuned.json()["levers"][0];
  EXPECT_EQ(lever["name"], "gpu-layers");
  EXPECT_GE(lever["measurements"].get<int>(), 6) << "none, half and all";
  EXPECT_EQ(vivace({"plan"}).json()["gpu_layers"].get<int>(), std::stoi(lever["after"].get<std::string>()));
  EXPECT_EQ(vivace({"plan", "--gpu-layers", "1"}).json()["gpu_layers"], 1);
  const ProgramResult without = run_vivace({"plan", model, "--json"}, {.environment = environment});
  EXPECT_EQ(without.exit_code, 0) << "what was tuned with a GPU asks for none: " << without.err;
}

TEST_F(OffloadOptions, TheCacheAndTheSplitAreTaken) {
  need_vulkan();
  if (IsSkipped()) return;
  const ProgramResult result =
      run({"--device", "vulkan0,vulkan1", "--gpu-split", "1,1", "--gpu-layers", "2", "--offload-kv", "off"},
          {"VIVACE_PRETEND_DEVICES=2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json settings = result.json()["settings"];
  EXPECT_EQ(settings["gpu_layers"], 2);
  EXPECT_EQ(settings["kv_in_host_memory"], true);
  EXPECT_EQ(settings["placement"].size(), 3u);
}

TEST_F(OffloadOptions, ASmallCardTakesWhatFits) {
  need_vulkan();
  if (IsSkipped()) return;
  const ProgramResult small = run({"--device", "vulkan0"}, {"VIVACE_DEVICE_MEMORY=vulkan0:16KiB"});
  ASSERT_EQ(small.exit_code, 0) << small.err;
  EXPECT_EQ(small.json()["settings"]["gpu_layers"], 0);
  const ProgramResult refused =
      run({"--device", "vulkan0", "--gpu-layers", "max"}, {"VIVACE_DEVICE_MEMORY=vulkan0:16KiB"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_NE(refused.err.find("--gpu-layers 0"), std::string::npos) << refused.err;
}

TEST_F(OffloadOptions, ALostGpuIsSaid) {
  need_vulkan();
  if (IsSkipped()) return;
  const ProgramResult result = run({"--device", "vulkan0"}, {"VIVACE_FAIL_DEVICE_CALL=allocate:3"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("note: vulkan0"), std::string::npos) << result.err;
}

TEST_F(OffloadOptions, WhatCannotBeIsRefused) {
  const auto refusal = [&](std::vector<std::string> arguments, const char* part) {
    const ProgramResult result = run(arguments);
    EXPECT_NE(result.exit_code, 0) << part;
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
  };
  refusal({"--gpu-layers", "many"}, "--gpu-layers");
  refusal({"--gpu-layers", "-1"}, "--gpu-layers");
  refusal({"--gpu-layers", "1.5"}, "--gpu-layers");
  refusal({"--device", "vulkan99"}, "no GPU is called vulkan99");
  refusal({"--device", "a,,b"}, "--device");
  refusal({"--gpu-split", "1,x"}, "--gpu-split");
  refusal({"--gpu-split", "0,0"}, "--gpu-split");
  refusal({"--offload-kv", "maybe"}, "offload-kv");
}

}  // namespace
}  // namespace vivace::test
