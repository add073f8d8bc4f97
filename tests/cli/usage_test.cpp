// Help, exit codes, logs, hardware: everything that needs no model.
#include <gtest/gtest.h>

#include "cli/commands.h"
#include "cli/sampling_options.h"
#include "program_run.h"

namespace vivace::test {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Help, OverviewNamesEveryCommandAndTheExitCodes) {
  const ProgramResult result = run_vivace({"--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  for (const CommandRow& command : commands()) EXPECT_TRUE(has(result.out, "\n  " + std::string(command.name) + " "));
  for (const char* word : {"Examples:", "Exit codes:", "130", "VIVACE_HOME"})
    EXPECT_TRUE(has(result.out, word)) << word;
  EXPECT_EQ(run_vivace({"help"}).out, result.out);
  EXPECT_EQ(run_vivace({"-h"}).out, result.out);
}

TEST(Help, EveryCommandExplainsEveryOption) {
  for (const CommandRow& command : commands()) {
    const ProgramResult page = run_vivace({"help", std::string(command.name)});
    EXPECT_EQ(page.exit_code, 0);
    EXPECT_EQ(run_vivace({std::string(command.name), "--help"}).out, page.out) << command.name;
    for (const auto& rows : command.options) {
      for (const OptionRow& row : rows) {
        EXPECT_TRUE(has(page.out, "  --" + std::string(row.name))) << command.name << " --" << row.name;
        EXPECT_FALSE(row.help.empty()) << row.name;
        EXPECT_FALSE(row.help.ends_with('.')) << row.name;
        EXPECT_NO_THROW(option_default(row)) << row.name;
      }
    }
    for (size_t begin = 0; begin < page.out.size();) {
      const size_t end = std::min(page.out.find('\n', begin), page.out.size());
      EXPECT_LE(end - begin, 118u) << page.out.substr(begin, end - begin);
      begin = end + 1;
    }
  }
}

TEST(Help, IsFast) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) best = std::min(best, run_vivace({"--help"}).seconds);
  const double limit = has(VIVACE_PROGRAM, "release") ? 0.05 : 2;  // sanitizers take their time
  EXPECT_LE(best, limit);
  std::printf("vivace --help: %.1f ms\n", best * 1e3);
}

TEST(ExitCodes, FollowTheTable) {
  EXPECT_EQ(run_vivace({}).exit_code, 2);
  EXPECT_EQ(run_vivace({"version"}).exit_code, 0);
  EXPECT_EQ(run_vivace({"--version"}).out, run_vivace({"version"}).out);
  const ProgramResult typo = run_vivace({"hardwar"});
  EXPECT_EQ(typo.exit_code, 2);
  EXPECT_TRUE(has(typo.err, "error: ") && has(typo.err, "hint:  did you mean vivace hardware?")) << typo.err;
  const ProgramResult option = run_vivace({"run", "m", "p", "--temprature", "1"});
  EXPECT_EQ(option.exit_code, 2);
  EXPECT_TRUE(has(option.err, "did you mean --temperature?")) << option.err;
  const ProgramResult range = run_vivace({"run", "m", "p", "--top-p=1.5"});
  EXPECT_EQ(range.exit_code, 2);
  EXPECT_TRUE(has(range.err, "top-p") && has(range.err, "from 0 to 1")) << range.err;
  EXPECT_EQ(run_vivace({"run", "m", "p", "--temperature", "0,8"}).exit_code, 2);
  EXPECT_EQ(run_vivace({"run"}).exit_code, 2);
  EXPECT_EQ(run_vivace({"run", "m", "p", "surplus"}).exit_code, 2);
  EXPECT_EQ(run_vivace({"--verbose"}).exit_code, 2);
  const ScratchFolder home;
  const ProgramResult missing =
      run_vivace({"run", "no-such-model", "p"}, {.environment = {"VIVACE_HOME=" + home.path().string()}});
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_TRUE(has(missing.err, "hint:")) << missing.err;
  write_whole(home / "text.gguf", "this is no model");
  EXPECT_EQ(run_vivace({"inspect", (home / "text.gguf").string()}).exit_code, 1);
  EXPECT_EQ(run_vivace({"inspect", home.path().string()}).exit_code, 2);
}

TEST(ExitCodes, OutputThatFails) {
  const ProgramResult full = run_vivace({"--help"}, {.out_file = "/dev/full"});
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_TRUE(has(full.err, "standard output")) << full.err;
  const ProgramResult closed =
      run_command({"bash", "-c", std::string("'") + VIVACE_PROGRAM + "' --help | true; exit ${PIPESTATUS[0]}"}, {});
  EXPECT_TRUE(closed.exit_code == 141 || closed.exit_code == 0) << closed.exit_code;
  EXPECT_EQ(closed.err, "");
}

TEST(Options, DefaultsAreTheEnginesOwn) {
  const CommandRow row = {.name = "x",
                          .group = "",
                          .summary = "",
                          .description = "",
                          .positionals = {},
                          .options = {sampling_options(), stop_options()},
                          .examples = {},
                          .run = nullptr};
  const std::vector<std::string> seed = {"--seed", "0"};
  const Request request = read_request(Arguments::parse(row, seed));
  const SamplingOptions& mine = request.sampling;
  const SamplingOptions theirs;
  EXPECT_EQ(mine.temperature, theirs.temperature);
  EXPECT_EQ(mine.top_k, theirs.top_k);
  EXPECT_EQ(mine.top_p, theirs.top_p);
  EXPECT_EQ(mine.min_p, theirs.min_p);
  EXPECT_EQ(mine.repeat_penalty, theirs.repeat_penalty);
  EXPECT_EQ(mine.presence_penalty, theirs.presence_penalty);
  EXPECT_EQ(mine.frequency_penalty, theirs.frequency_penalty);
  EXPECT_EQ(mine.repeat_window, theirs.repeat_window);
  EXPECT_EQ(request.max_tokens, Request().max_tokens);
}

TEST(Options, RepeatsAndBiases) {
  const CommandRow row = {.name = "x",
                          .group = "",
                          .summary = "",
                          .description = "",
                          .positionals = {},
                          .options = {sampling_options(), stop_options()},
                          .examples = {},
                          .run = nullptr};
  const std::vector<std::string> words = {
      "--stop",       "a",       "--stop=-b", "--logit-bias", "7:-inf", "--logit-bias=8=+1.5",
      "--ignore-eos", "--top-k", "1",         "--top-k",      "2"};
  const Request request = read_request(Arguments::parse(row, words));
  EXPECT_EQ(request.stop, (std::vector<std::string>{"a", "-b"}));
  ASSERT_EQ(request.sampling.logit_bias.size(), 2u);
  EXPECT_EQ(request.sampling.logit_bias[0].second, -INFINITY);
  EXPECT_EQ(request.sampling.logit_bias[1], (std::pair<TokenId, float>{8, 1.5f}));
  EXPECT_TRUE(request.ignore_end);
  EXPECT_EQ(request.sampling.top_k, 2);
  for (const char* wrong : {"7", "x:1", "7:", "7:nan", "7:inf", "7:1,5"}) {
    const std::vector<std::string> bias = {"--logit-bias", wrong};
    EXPECT_THROW(read_request(Arguments::parse(row, bias)), Error) << wrong;
  }
}

TEST(Hardware, JsonHasWhatTheMachineSays) {
  const ProgramResult result = run_vivace({"hardware", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = result.json();
  EXPECT_GE(json["cpu"]["physical_cores"].get<int>(), 1);
  EXPECT_GE(json["cpu"]["logical_cpus"].get<int>(), json["cpu"]["physical_cores"].get<int>());
  EXPECT_GT(json["memory"]["total_bytes"].get<int64_t>(), 0);
  EXPECT_TRUE(json["memory"].contains("limit_bytes"));
  EXPECT_TRUE(json["gpus"].is_array());
  EXPECT_GE(json["numa_nodes"].size(), 1u);
  const Json& isa = json["cpu"]["isa"];
  EXPECT_EQ(isa["available"].back(), "scalar");
  for (const Json& name : isa["available"]) {
    const ProgramResult forced =
        run_vivace({"hardware", "--json"}, {.environment = {"VIVACE_ISA=" + name.get<std::string>()}});
    EXPECT_EQ(forced.json()["cpu"]["isa"]["in_use"], name);
  }
  const ProgramResult text = run_vivace({"hardware"});
  EXPECT_EQ(text.exit_code, 0);
  for (const char* word : {"cores", "kernels", "memory", "GPU"}) EXPECT_TRUE(has(text.out, word)) << word;
  EXPECT_FALSE(has(text.out, "\x1b")) << "colours without a terminal";
}

TEST(Hardware, MeasuresItsLimits) {
  const ProgramResult result = run_vivace({"hardware", "--measure", "--threads", "1", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json measured = result.json()["measured"];
  EXPECT_EQ(measured["threads"], 1);
  EXPECT_GT(measured["stream_bytes_per_second"]["normal_pages"].get<double>(), 0);
  EXPECT_GT(measured["stream_bytes_per_second"]["large_pages"].get<double>(), 0);
  EXPECT_GT(measured["int8_macs_per_second"].get<double>(), 0);
  EXPECT_TRUE(has(run_vivace({"hardware", "--measure"}).out, "multiply-adds/s"));
}

TEST(Logs, JsonLinesOnStandardError) {
  const ScratchFolder home;
  const ProgramResult result = run_vivace({"hardware", "--json", "--log-level", "trace", "--log-format", "json"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NO_THROW(result.json());
}

}  // namespace
}  // namespace vivace::test
