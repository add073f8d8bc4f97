// run and chat: on the tests' own tiny model, and on the default model where it is there; without a network.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "base/os/paths.h"
#include "base/test_data.h"
#include "program_run.h"
#include "tiny_text_model.h"

namespace vivace::test {
namespace {

namespace fs = std::filesystem;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class TinyChat : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = new ScratchFolder;
    fs::create_directories(scratch_->path() / "models");
    write_tiny_text_model(*scratch_ / "models/tiny.gguf");
    write_tiny_text_model(*scratch_ / "models/bare.gguf", "");
  }
  static void TearDownTestSuite() { delete scratch_; }
  static RunOptions options(const std::string& input = "") {
    return {.input = input, .environment = {"VIVACE_HOME=" + scratch_->path().string()}};
  }
  static ScratchFolder* scratch_;
};
ScratchFolder* TinyChat::scratch_ = nullptr;

TEST_F(TinyChat, RunStreamsAnAnswerAndSaysHow) {
  const ProgramResult result =
      run_vivace({"run", "tiny", "Hello", "--max-tokens", "12", "--seed", "7", "--ignore-eos"}, options());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(result.out.ends_with('\n'));
  for (const char* word : {"model ", "device ", "threads ", "context ", "KV cache ", "memory ", "seed 7", "tokens/s"}) {
    EXPECT_TRUE(has(result.err, word)) << word << " in\n" << result.err;
  }
  EXPECT_TRUE(has(result.err, "12 tokens")) << result.err;
  const ProgramResult again =
      run_vivace({"run", "tiny", "--max-tokens", "12", "--seed", "7", "--ignore-eos", "--quiet"}, options("Hello\n"));
  EXPECT_EQ(again.out, result.out) << "the same seed, the prompt from standard input";
  EXPECT_EQ(again.err, "");
}

TEST_F(TinyChat, RunJsonIsOneObject) {
  const ProgramResult result = run_vivace(
      {"run", "tiny", "Hello", "--max-tokens", "5", "--temperature", "0", "--json", "--logprobs", "3", "--ignore-eos"},
      options());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = result.json();
  EXPECT_EQ(json["ids"].size(), 5u);
  EXPECT_EQ(json["finish_reason"], "max_tokens");
  EXPECT_EQ(json["usage"]["generated_tokens"], 5);
  ASSERT_EQ(json["logprobs"].size(), 5u);
  EXPECT_EQ(json["logprobs"][0]["top"].size(), 3u);
  EXPECT_EQ(json["logprobs"][0]["id"], json["ids"][0]);
  EXPECT_EQ(json["logprobs"][0]["top"][0]["id"], json["ids"][0]) << "greedy";
  EXPECT_GT(json["settings"]["context_length"].get<int>(), 0);
  EXPECT_EQ(run_vivace({"run", "tiny", "Hello", "--logprobs", "3"}, options()).exit_code, 2);
}

TEST_F(TinyChat, GreedyIsTheSameOnEverySetting) {
  const auto ids = [&](std::vector<std::string> more) {
    std::vector<std::string> command = {"run", "tiny",         "The same", "--max-tokens", "24", "--temperature",
                                        "0",   "--ignore-eos", "--json",   "--kv-type",    "f32"};
    command.insert(command.end(), more.begin(), more.end());
    const ProgramResult result = run_vivace(command, options());
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.json()["ids"];
  };
  const Json truth = ids({});
  EXPECT_EQ(truth.size(), 24u);
  EXPECT_EQ(ids({"--threads", "1"}), truth);
  EXPECT_EQ(ids({"--batch-size", "3"}), truth);
  EXPECT_EQ(ids({"--devices", "2", "--layer-split", "2,1"}), truth);
}

TEST_F(TinyChat, OtherNamesAreKnown) {
  fs::create_directories(scratch_->path() / "config");
  write_whole(*scratch_ / "config/models.toml", "[[model]]\nname = \"nick\"\nmodel = \"tiny\"\n");
  const std::vector<std::string> rest = {"Hello", "--max-tokens", "4", "--temperature", "0", "--quiet"};
  const auto run = [&](const std::string& name) {
    std::vector<std::string> arguments = {"run", name};
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    return run_vivace(arguments, options());
  };
  EXPECT_EQ(run("nick").out, run("tiny").out);
  EXPECT_TRUE(has(run_vivace({"ls"}, options()).out, "alias"));
  write_whole(*scratch_ / "config/models.toml", "[[model]]\nname = 3\n");
  const ProgramResult broken = run("nick");
  EXPECT_NE(broken.exit_code, 0);
  EXPECT_TRUE(has(broken.err, "models.toml")) << broken.err;
  fs::remove(scratch_->path() / "config/models.toml");
}

TEST_F(TinyChat, RawAndBareModels) {
  const ProgramResult bare =
      run_vivace({"run", "bare", "abc", "--max-tokens", "4", "--temperature", "0", "--ignore-eos"}, options());
  ASSERT_EQ(bare.exit_code, 0) << bare.err;
  EXPECT_TRUE(has(bare.err, "note:") && has(bare.err, "template")) << bare.err;
  const ProgramResult raw =
      run_vivace({"run", "tiny", "abc", "--raw", "--max-tokens", "4", "--temperature", "0", "--ignore-eos"}, options());
  EXPECT_EQ(raw.out, bare.out);
  EXPECT_EQ(run_vivace({"chat", "bare"}, options("hi\n")).exit_code, 1);
}

TEST_F(TinyChat, FullContextIsReported) {
  const ProgramResult cut = run_vivace({"run", "tiny", "Hello", "--context-length", "48", "--ignore-eos"}, options());
  EXPECT_EQ(cut.exit_code, 0) << cut.err;
  EXPECT_TRUE(has(cut.err, "context of 48 tokens")) << cut.err;
  const ProgramResult over =
      run_vivace({"run", "tiny", std::string(100, 'x'), "--context-length", "48", "--ignore-eos"}, options());
  EXPECT_EQ(over.exit_code, 1) << over.err;
  EXPECT_TRUE(has(over.err, "48")) << over.err;
  const ProgramResult large = run_vivace({"run", "tiny", "Hello", "--context-length", "16777216"}, options());
  EXPECT_TRUE(large.exit_code == 4 || large.exit_code == 0) << large.err;
}

TEST_F(TinyChat, ChatFromAPipe) {
  const ProgramResult result =
      run_vivace({"chat", "tiny", "--max-tokens", "4", "--temperature", "0", "--ignore-eos"},
                 options("/help\nhello\n/stats\n/system Be brief.\nhello\n/nonsense\n/reset\n/quit\n"));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(has(result.err, "/reset")) << result.err;
  EXPECT_TRUE(has(result.err, "context ")) << result.err;
  EXPECT_TRUE(has(result.err, "system message set")) << result.err;
  EXPECT_TRUE(has(result.err, "there is no /nonsense")) << result.err;
  EXPECT_FALSE(has(result.out, "> ")) << "no prompt without a terminal";
  const ProgramResult end = run_vivace({"chat", "tiny", "--max-tokens", "2"}, options("hello"));
  EXPECT_EQ(end.exit_code, 0) << end.err;
  EXPECT_FALSE(end.out.empty());
}

TEST_F(TinyChat, ChatReusesThePrefixAndForgetsTheOldest) {
  std::string talk;
  for (int i = 0; i < 8; ++i) talk += "this is line number " + std::to_string(i) + " of a talk\n";
  const ProgramResult result = run_vivace({"chat", "tiny", "--max-tokens", "8", "--temperature", "0", "--ignore-eos",
                                           "--context-length", "256", "--verbose"},
                                          options(talk));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(has(result.err, "from the cache")) << result.err;
  EXPECT_TRUE(has(result.err, "were forgotten")) << result.err;
}

TEST_F(TinyChat, InterruptsEndCleanly) {
  // No end in sight: a million tokens on one thread, until SIGINT.
  const ProgramResult result = run_vivace(
      {"run", "tiny", "Hello", "--ignore-eos", "--context-length", "100000", "--max-tokens", "90000", "--threads", "1"},
      {.environment = {"VIVACE_HOME=" + scratch_->path().string()},
       .wrapper = {"timeout", "--signal=INT", "--kill-after=30", "--preserve-status", "4"}});
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_TRUE(has(result.err, "cancelled")) << result.err;
}

TEST_F(TinyChat, NonAsciiPathsAndForeignLocales) {
  const std::string path = (*scratch_ / "Größe 模型.gguf").string();
  fs::copy_file(scratch_->path() / "models/tiny.gguf", path);
  const ProgramResult result =
      run_vivace({"run", path, "Grüße", "--max-tokens", "3", "--temperature", "0.5", "--json", "--quiet"},
                 {.environment = {"LC_ALL=de_DE.UTF-8"}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NO_THROW(result.json());
}

TEST_F(TinyChat, WorksInAnEmptyNetworkNamespace) {
  const std::vector<std::string> wrapper = {"unshare", "-rn"};
  if (run_command({"unshare", "-rn", "true"}, {}).exit_code != 0) {
    std::printf("did not run: cli without a network (unshare -rn is not permitted here)\n");
    return;
  }
  const std::string messages = (*scratch_ / "messages.json").string(), ids = (*scratch_ / "ids.i32").string();
  write_whole(messages, R"([{"role":"user","content":"x"}])");
  write_whole(ids, std::string(8, '\0'));
  const std::vector<std::vector<std::string>> commands = {
      {"--help"},
      {"version"},
      {"hardware", "--json"},
      {"inspect", "tiny"},
      {"tokenize", "tiny", "abc"},
      {"render", "tiny", "--messages", messages},
      {"score", "tiny", "--tokens", ids},
      {"bench", "tiny", "--prompt", "8", "--generate", "2", "--repeat", "1"},
      {"run", "tiny", "abc", "--max-tokens", "2"},
      {"chat", "tiny", "--max-tokens", "2"},
  };
  for (const auto& command : commands) {
    RunOptions run = options("abc\n");
    run.wrapper = wrapper;
    const ProgramResult result = run_vivace(command, run);
    EXPECT_EQ(result.exit_code, 0) << command[0] << ": " << result.err;
  }
  RunOptions fetch = options();
  fetch.wrapper = {"unshare", "-rn", "timeout", "60"};
  const ProgramResult failed = run_vivace({"run", "smollm2-135m-instruct", "x"}, fetch);
  EXPECT_EQ(failed.exit_code, 1) << failed.err;
  EXPECT_TRUE(has(failed.err, "can't fetch the model")) << failed.err;
}

// ---- the real model

std::optional<fs::path> default_model() {
  try {
    const fs::path path = app_paths(read_environment()).models / "smollm2-135m-instruct.gguf";
    if (fs::exists(path)) return path;
  } catch (const Error&) {
    // no home folder: no model
  }
  return std::nullopt;
}

std::vector<std::string> default_models() {
  if (const auto path = default_model()) return {path->string()};
  std::printf("did not run: cli on smollm2-135m-instruct (not in the models folder)\n");
  return {};
}

class DefaultModel : public ::testing::TestWithParam<std::string> {};

TEST_P(DefaultModel, GreedyAnswersAreTheGoldenOnes) {
  const auto golden = conformance_path("real/smollm2.greedy.json", "cli greedy answers");
  if (!golden) return;
  const Json cases = parse_json(read_whole(*golden));
  const Json& list = cases.is_array() ? cases : cases.begin().value();
  for (const Json& item : list) {
    if (item["messages"].size() != 1) continue;
    const ProgramResult result = run_vivace({"run", GetParam(), item["messages"][0]["content"].get<std::string>(),
                                             "--temperature", "0", "--max-tokens", "64", "--json"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const Json ids = result.json()["ids"];
    EXPECT_EQ(result.json()["usage"]["prompt_tokens"], item["prompt_ids"].size());
    for (size_t i = 0; i < ids.size() && i < item["generated_ids"].size(); ++i) {
      if (item["margins"][i].get<double>() < 0.4) break;  // within the noise of int8 activations
      ASSERT_EQ(ids[i], item["generated_ids"][i]) << item["prompt"] << " at " << i;
    }
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DefaultModel);
INSTANTIATE_TEST_SUITE_P(Real, DefaultModel, ::testing::ValuesIn(default_models()));

}  // namespace
}  // namespace vivace::test
