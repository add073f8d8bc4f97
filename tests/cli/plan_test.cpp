// `vivace plan`, `catalog`, `claims` and the stored speed of the machine, as a user meets them.
#include <gtest/gtest.h>

#include <filesystem>

#include "program_run.h"
#include "tiny_text_model.h"

namespace vivace::test {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class PlanCommand : public ::testing::Test {
 protected:
  PlanCommand() { write_tiny_text_model(model()); }

  std::string model() const { return (scratch_ / "tiny.gguf").string(); }

  ProgramResult run(std::vector<std::string> arguments) {
    return run_vivace(std::move(arguments), {.environment = {"VIVACE_HOME=" + (scratch_ / "home").string()}});
  }

  ScratchFolder scratch_;
};

TEST_F(PlanCommand, OfAFileIsAnswered) {
  const ProgramResult result = run({"plan", model(), "--gpu-layers", "0", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = result.json();
  EXPECT_TRUE(json["fits"].get<bool>());
  EXPECT_TRUE(json["model"]["runnable"].get<bool>());
  EXPECT_EQ(json["predicted"]["basis"], "estimate");
  EXPECT_GT(json["predicted"]["decode_tokens_per_second"].get<double>(), 0);
  EXPECT_EQ(json["placement"][0]["device"], "cpu");
  EXPECT_GT(json["memory"][0]["total_bytes"].get<int64_t>(), 0);
  EXPECT_FALSE(json["reasons"].empty());
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "home")) << "asking leaves nothing behind";
  const ProgramResult text = run({"plan", model(), "--gpu-layers", "0", "--explain"});
  for (const char* part : {"Predicted", "prefill", "decode", "Why:", "place-layers", "tokens/s"}) {
    EXPECT_TRUE(has(text.out, part)) << part << "\n" << text.out;
  }
}

TEST_F(PlanCommand, TheBeginningOfAFileIsEnough) {
  const std::string whole = read_whole(model());
  write_whole(scratch_ / "part.gguf", whole.substr(0, whole.size() / 2));
  const ProgramResult result = run({"plan", (scratch_ / "part.gguf").string(), "--gpu-layers", "0", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json part = result.json(), all = run({"plan", model(), "--gpu-layers", "0", "--json"}).json();
  for (const char* field : {"weights_bytes", "kv_bytes", "activation_bytes", "total_bytes"}) {
    EXPECT_EQ(part["memory"][0][field], all["memory"][0][field]) << field;
  }
  write_whole(scratch_ / "stub.gguf", whole.substr(0, 100));
  const ProgramResult stub = run({"plan", (scratch_ / "stub.gguf").string()});
  EXPECT_EQ(stub.exit_code, 1);
  EXPECT_FALSE(stub.err.empty());
}

TEST_F(PlanCommand, AnArchitectureThatCannotRunYetIsPlannedAndSaysSo) {
  const ProgramResult result = run({"plan", "mixtral-8x7b", "--hardware", "rtx-4090"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(has(result.out, "not runnable yet")) << result.out;
}

TEST_F(PlanCommand, OfShapesAndOtherMachines) {
  const Json json =
      run({"plan", "llama-13b", "--hardware", "rtx-3060", "--context-length", "2048", "--quant", "q8_0", "--json"})
          .json();
  EXPECT_EQ(json["hardware"], "RTX 3060");
  EXPECT_EQ(json["predicted"]["basis"], "catalogue");
  EXPECT_GT(json["gpu_layers"].get<int>(), 0);
  EXPECT_LT(json["gpu_layers"].get<int>(), 40);
  bool explained = false;
  for (const Json& reason : json["reasons"]) explained |= has(reason.get<std::string>(), "on the CPU");
  EXPECT_TRUE(explained);
}

TEST_F(PlanCommand, WhatDoesNotFitIsSaidWithTheNearestPlan) {
  const ProgramResult result =
      run({"plan", "llama-30b", "--hardware", "rtx-3060", "--gpu-layers", "max", "--context-length", "2048", "--json"});
  EXPECT_EQ(result.exit_code, 4);
  const Json json = result.json();
  EXPECT_FALSE(json["fits"].get<bool>());
  EXPECT_FALSE(json["changes"].empty());
  EXPECT_GT(json["predicted"]["decode_tokens_per_second"].get<double>(), 0);
  const ProgramResult nowhere = run({"plan", "deepseek-v3", "--hardware", "rtx-3060", "--quant", "f16"});
  EXPECT_EQ(nowhere.exit_code, 4) << nowhere.out;
}

TEST_F(PlanCommand, BadQuestionsAreRefused) {
  const auto refused = [&](std::vector<std::string> arguments, int code, const char* part) {
    arguments.insert(arguments.begin(), "plan");
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.exit_code, code) << result.err;
    EXPECT_TRUE(has(result.err, part)) << result.err;
  };
  refused({"llama-7c"}, 3, "llama-7b");
  refused({"llama-7b", "--hardware", "rtx-9999"}, 3, "catalogue");
  refused({"llama-7b", "--quant", "q9"}, 2, "Q4_K_M");
  refused({model(), "--quant", "q8_0"}, 2, "quantisation of its own");
  refused({"llama-7b", "--for", "fun"}, 2, "chat");
  refused({"llama-7b", "--sweep", "colour"}, 2, "gpu-layers");
  refused({"llama-7b", "--without", "magic"}, 2, "place-layers");
  refused({"llama-7b", "--hardware", "rtx-4090", "--html", (scratch_ / "no/such/folder.html").string()}, 1,
          "can't write");
}

TEST_F(PlanCommand, SweepsAndPages) {
  const ProgramResult sweep = run({"plan", "llama-2-7b", "--hardware", "rtx-3060", "--sweep", "context-length"});
  EXPECT_EQ(sweep.exit_code, 0) << sweep.err;
  EXPECT_TRUE(has(sweep.out, "context-length") && has(sweep.out, "4096")) << sweep.out;
  const std::string page = (scratch_ / "plan.html").string();
  EXPECT_EQ(run({"plan", "llama-2-7b", "--hardware", "rtx-3060", "--html", page}).exit_code, 0);
  EXPECT_TRUE(has(read_whole(page), "<svg"));
}

TEST_F(PlanCommand, ADamagedStoreIsSetAsideAndTheAnswerComesAllTheSame) {
  std::filesystem::create_directories(scratch_ / "home");
  write_whole(scratch_ / "home/vivace.db", std::string(3000, 'x'));
  const ProgramResult result = run({"plan", model(), "--gpu-layers", "0", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(has(result.err, "set-aside")) << result.err;
  EXPECT_TRUE(std::filesystem::exists(scratch_ / "home/vivace.db.set-aside-1"));
}

TEST_F(PlanCommand, MeasuringMakesPredictionsOfThisMachine) {
#if defined(VIVACE_SANITIZED)
  std::cout << "did not run: the measurement of the machine, which takes minutes with sanitizers\n";
#else
  const ProgramResult measured = run({"hardware", "--measure", "--json"});
  ASSERT_EQ(measured.exit_code, 0) << measured.err;
  EXPECT_EQ(measured.json()["speeds"][0]["device"], "cpu");
  const Json plan = run({"plan", model(), "--gpu-layers", "0", "--json"}).json();
  EXPECT_EQ(plan["predicted"]["basis"], "measured");
  const Json bench = run({"bench", model(), "--gpu-layers", "0", "--prompt", "32", "--generate", "8", "--json"}).json();
  EXPECT_GT(bench["settings"]["predicted"]["decode_tokens_per_second"].get<double>(), 0);
  const ProgramResult again = run({"plan", model(), "--gpu-layers", "0", "--json"});
  const Json later = again.json()["predicted"], before = plan["predicted"];
  EXPECT_EQ(before["correction"]["runs"], 0);
  EXPECT_EQ(later["correction"]["runs"], 1);
  for (const char* what : {"prefill", "decode"}) {
    const std::string rate = std::string(what) + "_tokens_per_second";
    EXPECT_NEAR(later[rate].get<double>(), before[rate].get<double>() * later["correction"][what].get<double>(),
                1e-6 * later[rate].get<double>());
  }
  EXPECT_TRUE(has(again.out, "corrected by one run of the model here"));
#endif
}

TEST(CatalogCommand, ListsAndChecks) {
  EXPECT_TRUE(has(run_vivace({"catalog", "hardware"}).out, "rtx-4090"));
  EXPECT_TRUE(has(run_vivace({"catalog", "models"}).out, "llama-13b"));
  const Json check = run_vivace({"catalog", "check", "--json"}).json();
  EXPECT_LE(check["median_decode_error"]["held_out_devices"].get<double>(), 0.15);
  EXPECT_EQ(run_vivace({"catalog", "nonsense"}).exit_code, 2);
  const ProgramResult claims = run_vivace({"claims", "--json"});
  EXPECT_EQ(claims.exit_code, 0) << claims.err;
  EXPECT_GE(claims.json().size(), 20u);
}

}  // namespace
}  // namespace vivace::test
