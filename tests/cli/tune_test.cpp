// `vivace tune`, `profiles`, `why` and the levers of a chat, as a user meets them.
#include <gtest/gtest.h>

#include <filesystem>

#include "program_run.h"
#include "tiny_text_model.h"

namespace vivace::test {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class TuneCommand : public ::testing::Test {
 protected:
  TuneCommand() {
    std::filesystem::create_directories(scratch_ / "models");
    write_tiny_text_model(scratch_ / "models/tiny.gguf");
  }

  ProgramResult run(std::vector<std::string> arguments, const std::string& input = "") {
    return run_vivace(std::move(arguments),
                      {.input = input, .environment = {"VIVACE_HOME=" + scratch_.path().string()}});
  }

  ScratchFolder scratch_;
};

TEST_F(TuneCommand, FindsKeepsAndForgets) {
  EXPECT_TRUE(has(run({"profiles"}).out, "no model has been tuned"));
  const ProgramResult tuned = run({"tune", "tiny", "--budget", "2", "--json"});
  ASSERT_EQ(tuned.exit_code, 0) << tuned.err;
  const Json json = tuned.json();
  EXPECT_EQ(json["goal"], "chat");
  EXPECT_EQ(json["model"], "tiny.gguf");
  std::vector<std::string> names;
  for (const Json& lever : json["levers"]) names.push_back(lever["name"]);
  EXPECT_EQ(names, (std::vector<std::string>{"threads", "threads-prefill", "batch-size", "kv-type"}));
  EXPECT_GE(json["gain"]["median"].get<double>(), 1);
  const Json kept = run({"profiles", "--json"}).json();
  ASSERT_EQ(kept["profiles"].size(), 1u);
  EXPECT_EQ(kept["profiles"][0]["levers"], json["levers"]);
  EXPECT_TRUE(has(run({"profiles"}).out, "tiny.gguf"));
  EXPECT_EQ(run({"profiles", "--forget", "tiny"}).exit_code, 0);
  EXPECT_TRUE(run({"profiles", "--json"}).json()["profiles"].empty());
}

TEST_F(TuneCommand, WhatIsGivenStaysAndADryRunKeepsNothing) {
  const ProgramResult result =
      run({"tune", "tiny", "--budget", "1", "--threads", "1", "--kv-type", "f32", "--dry-run", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json found = result.json();
  for (const Json& lever : found["levers"]) {
    EXPECT_NE(lever["name"], "threads");
    EXPECT_NE(lever["name"], "kv-type");
  }
  EXPECT_TRUE(run({"profiles", "--json"}).json()["profiles"].empty());
}

TEST_F(TuneCommand, LaterLoadsTakeWhatWasTuned) {
  // A profile as tune writes it, with something to take.
  ASSERT_EQ(
      run({"tune", "tiny", "--budget", "1", "--threads", "1", "--threads-prefill", "1", "--kv-type", "f16"}).exit_code,
      0);
  const ProgramResult plan = run({"plan", "tiny", "--gpu-layers", "0", "--json"});
  ASSERT_EQ(plan.exit_code, 0) << plan.err;
  const Json profile = run({"profiles", "--json"}).json()["profiles"][0]["levers"][0];
  const std::string batch = profile["after"];
  const bool changed = profile["after"] != profile["before"];
  bool said = false;
  const Json planned = plan.json();
  for (const Json& reason : planned["reasons"]) said = said || has(reason.get<std::string>(), "tuned for chat");
  EXPECT_EQ(said, changed);
  const Json bench = run({"bench", "tiny", "--prompt", "8", "--generate", "8", "--repeat", "1", "--json"}).json();
  if (changed) {
    EXPECT_EQ(bench["settings"]["batch_size"].get<int>(), std::stoi(batch));
  }
}

TEST_F(TuneCommand, RefusesWhatMakesNoSense) {
  EXPECT_EQ(run({"tune", "tiny", "--for", "fun"}).exit_code, 2);
  EXPECT_TRUE(has(run({"tune", "tiny", "--for", "fun"}).err, "chat"));
  EXPECT_NE(run({"tune", "nothing"}).exit_code, 0);
}

TEST_F(TuneCommand, WhyTellsTheLastRun) {
  const ProgramResult nothing = run({"why"});
  EXPECT_NE(nothing.exit_code, 0);
  EXPECT_TRUE(has(nothing.err, "nothing has run here yet")) << nothing.err;
  ASSERT_EQ(run({"run", "tiny", "Hello", "--max-tokens", "64", "--ignore-eos", "--threads", "1"}).exit_code, 0);
  const ProgramResult why = run({"why", "--json"});
  ASSERT_EQ(why.exit_code, 0) << why.err;
  const Json json = why.json();
  EXPECT_EQ(json["run"]["model"], "tiny.gguf");
  EXPECT_EQ(json["run"]["threads"], 1);
  EXPECT_GT(json["run"]["measured_tokens_per_second"].get<double>(), 0);
  EXPECT_GT(json["run"]["predicted_tokens_per_second"].get<double>(), 0);
  EXPECT_GT(json["ideal_tokens_per_second"].get<double>(), 0);
  const ProgramResult text = run({"why"});
  EXPECT_TRUE(has(text.out, "what it takes at best")) << text.out;
  EXPECT_TRUE(has(run({"why", "tiny"}).out, "tokens/s"));
  write_whole(scratch_ / "last_run.json", "{\"model\": 7}");
  EXPECT_EQ(run({"why"}).exit_code, 1);
}

TEST_F(TuneCommand, AChatChangesItsLevers) {
  const ProgramResult result =
      run({"chat", "tiny", "--max-tokens", "4", "--temperature", "0", "--ignore-eos"},
          "hello\n/set\n/set context-length 128\n/set kv-type f32\nhello again\n/set threads 512\n/set colour red\n"
          "/set batch-size many\n/stats\n");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const char* part : {"context-length   128", "f32", "there is no lever 'colour'", "takes a number or auto",
                           "threads at most", "of 128 tokens"}) {
    EXPECT_TRUE(has(result.err, part)) << part << "\n" << result.err;
  }
}

TEST_F(TuneCommand, BenchKeepsItsResultsAndAlarms) {
  const std::vector<std::string> bench = {"bench", "tiny", "--prompt", "16", "--generate", "8", "--repeat", "3"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), bench.begin(), bench.end());
    return run(more);
  };
  const ProgramResult first = with({"--json"});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_FALSE(has(first.err, "record")) << first.err;
  Json faster = first.json();
  // A record that this machine will not reach again.
  for (const char* what : {"prefill", "decode"}) {
    for (auto& rate : faster[what]["tokens_per_second"]) rate = rate.get<double>() * 1e6;
  }
  write_whole(scratch_ / "before.json", first.out);
  write_whole(scratch_ / "after.json", faster.dump());
  const ProgramResult compared =
      run({"bench", "--compare", (scratch_ / "before.json").string(), (scratch_ / "after.json").string()});
  EXPECT_EQ(compared.exit_code, 0) << compared.err;
  EXPECT_TRUE(has(compared.out, "prefill") && has(compared.out, "+99999900.0 %")) << compared.out;
  EXPECT_EQ(run({"bench", "--compare", (scratch_ / "before.json").string(), "nowhere.json"}).exit_code, 3);
  EXPECT_TRUE(has(with({"--format", "markdown"}).out, "|---|---:|"));
  const std::string page = with({"--format", "html"}).out;
  EXPECT_TRUE(page.starts_with("<!doctype html>") && page.ends_with("</html>\n")) << page.substr(0, 200);
  EXPECT_TRUE(has(page, "<svg") && has(page, "<h2>prefill</h2>") && has(page, "<th class=\"n\">predicted</th>"));
  EXPECT_TRUE(has(with({"--format", "csv"}).out, "model,what,tokens,depth,streams,tokens/s,least,most,predicted\n"));
}

TEST_F(TuneCommand, BenchRunsTheScenariosOfAFile) {
  const std::string file = (scratch_ / "uses.toml").string();
  write_whole(file,
              "[[run]]\nname = \"ask\"\nprompt = 16\ngenerate = 4\nrepeat = 1\n"
              "[[run]]\nname = \"many\"\ngenerate = 4\ndepth = 32\nstreams = 3\nrepeat = 2\n"
              "[[run]]\nname = \"users\"\nprompt = 20\ngenerate = 5\nstreams = 2\nrate = 200\nrequests = 6\n"
              "[[run]]\nname = \"after\"\nprompt = 16\ngenerate = 4\nstreams = 3\nrepeat = 1\n");
  const ProgramResult result = run({"bench", "tiny", "--scenario", file, "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = result.json();
  ASSERT_EQ(json["runs"].size(), 4u);
  EXPECT_EQ(json["runs"][1]["decode"]["streams"], 3);
  EXPECT_GT(json["runs"][0]["prefill"]["tokens_per_second"]["median"].get<double>(), 0);
  EXPECT_EQ(json["settings"]["parallel"], 3);
  const Json arrivals = json["runs"][2]["arrivals"];
  EXPECT_EQ(arrivals["requests"], 6);
  EXPECT_NEAR(arrivals["generated_tokens_per_second"].get<double>() * arrivals["seconds"].get<double>(), 30, 1e-6);
  EXPECT_GT(arrivals["time_to_first_token_seconds"]["p95"].get<double>(), 0);
  EXPECT_GE(arrivals["gap_seconds"]["max"].get<double>(), arrivals["gap_seconds"]["p50"].get<double>());
  const std::string table = run({"bench", "tiny", "--scenario", file}).out;
  EXPECT_TRUE(has(table, "many   decode") && has(table, "users  answers") && has(table, "gap 99 %")) << table;
  for (const char* bad :
       {"", "[[run]]\nprompt = 5\n", "[[run]]\nname = \"x\"\n", "[[run]]\nname = \"x\"\nprompt = -1\n",
        "[[run]]\nname = \"x\"\nprompt = 1\nstraems = 2\n",
        "[[run]]\nname = \"x\"\nprompt = 1\ngenerate = 1\nrate = -1\n", "[[run]]\nname = \"x\"\nprompt = 1\nrate = 2\n",
        "[[run]]\nname = \"x\"\nprompt = 1\ngenerate = 1\nrate = nan\n",
        "[[run]]\nname = \"x\"\nprompt = 1\ngenerate = 1\nrate = 2\ndepth = 4\n", "run = 7\n", "[[run"}) {
    write_whole(file, bad);
    const ProgramResult refused = run({"bench", "tiny", "--scenario", file});
    EXPECT_EQ(refused.exit_code, 1) << bad << refused.out;
    EXPECT_TRUE(has(refused.err, "uses.toml")) << refused.err;
  }
  EXPECT_EQ(run({"bench", "tiny", "--scenario", "nowhere.toml"}).exit_code, 3);
}

}  // namespace
}  // namespace vivace::test
