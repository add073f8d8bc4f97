// inspect, score, bench, tokenize and render: on the tests' own tiny model, and on the conformance data where it is.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/test_data.h"
#include "models/model_file.h"
#include "program_run.h"
#include "tiny_text_model.h"

namespace vivace::test {
namespace {

namespace fs = std::filesystem;

template <class T>
std::vector<T> array_of(const std::string& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

void expect_no_null_rate(const Json& rates, int64_t tokens, int64_t depth = 0, int64_t streams = 1) {
  EXPECT_EQ(rates["tokens"], tokens);
  EXPECT_EQ(rates["depth"], depth);
  EXPECT_EQ(rates["streams"], streams);
  const Json& speed = rates["tokens_per_second"];
  EXPECT_LE(speed["min"].get<double>(), speed["mean"].get<double>());
  EXPECT_LE(speed["mean"].get<double>(), speed["max"].get<double>());
  EXPECT_GT(speed["min"].get<double>(), 0);
  EXPECT_LE(speed["min"].get<double>(), speed["median"].get<double>());
  EXPECT_LE(speed["median"].get<double>(), speed["max"].get<double>());
}

class TinyModel : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = new ScratchFolder;
    write_tiny_text_model(*scratch_ / "tiny.gguf");
  }
  static void TearDownTestSuite() { delete scratch_; }
  static std::string model() { return (*scratch_ / "tiny.gguf").string(); }
  static ScratchFolder* scratch_;
};
ScratchFolder* TinyModel::scratch_ = nullptr;

TEST_F(TinyModel, InspectTellsEverything) {
  const ProgramResult result = run_vivace({"inspect", model(), "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = result.json();
  EXPECT_EQ(json["architecture"], "llama");
  EXPECT_EQ(json["runnable"], true) << json["problem"];
  EXPECT_EQ(json["layers"].size(), 3u);
  EXPECT_EQ(json["layers"][0]["heads"], 4);
  EXPECT_EQ(json["formats"][0]["format"], "F32");
  EXPECT_EQ(json["metadata"]["tokenizer.ggml.tokens"]["length"], tiny_vocabulary().size());
  EXPECT_EQ(json["metadata"]["tokenizer.ggml.tokens"]["first"].size(), 8u);
  EXPECT_EQ(json["tokenizer"]["kind"], "SPM");
  EXPECT_EQ(json["chat_template"]["source"], kTinyTemplate);
  const ProgramResult text = run_vivace({"inspect", model(), "--tensors"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("blk.2.ffn_down.weight"), std::string::npos);
  EXPECT_NE(text.out.find("0-2"), std::string::npos) << "layers that are alike share a line";
}

TEST_F(TinyModel, InspectWithoutHyperparametersOrTensors) {
  GgufWriter writer;
  writer.set_string("general.architecture", "unheard-of");
  writer.write(*scratch_ / "odd.gguf");
  const ProgramResult result = run_vivace({"inspect", (*scratch_ / "odd.gguf").string(), "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = result.json();
  EXPECT_EQ(json["runnable"], false);
  EXPECT_TRUE(json["problem"].is_string());
  EXPECT_TRUE(json["tokenizer"].is_null());
  EXPECT_EQ(run_vivace({"inspect", (*scratch_ / "odd.gguf").string()}).exit_code, 0);
  GgufWriter().write(*scratch_ / "empty.gguf");
  EXPECT_EQ(run_vivace({"inspect", (*scratch_ / "empty.gguf").string()}).exit_code, 0);
}

TEST_F(TinyModel, TensorDumpIsTheDecodedValues) {
  const std::string out = (*scratch_ / "q.f32").string();
  const std::string name = "blk.1.attn_q.weight";
  const ProgramResult result = run_vivace({"inspect", model(), "--tensor", name, "--out", out, "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const PlainSpec spec{.vocabulary = int32_t(tiny_vocabulary().size())};
  EXPECT_EQ(read_whole(out), bytes_of(make_plain_model(spec).tensors.at(name).values));
  EXPECT_EQ(result.json()["values"], 64 * 64);
  EXPECT_EQ(run_vivace({"inspect", model(), "--tensor", "blk.9.attn_q.weight"}).exit_code, 3);
  EXPECT_EQ(run_vivace({"inspect", model(), "--out", out}).exit_code, 2);
  EXPECT_EQ(run_vivace({"inspect", model(), "--tensor", name, "--out", "/no/such/folder/q.f32"}).exit_code, 3);
}

TEST_F(TinyModel, ScoreAgreesBetweenBackendsAndSettings) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < 70; ++i) tokens.push_back((i * 37 + 11) % 350);
  const std::string ids = (*scratch_ / "ids.i32").string();
  write_whole(ids, bytes_of(tokens));
  const auto logits = [&](std::vector<std::string> more) {
    const std::string out = (*scratch_ / "logits.f32").string();
    std::vector<std::string> command = {"score", model(),     "--tokens", ids,     "--logits",
                                        out,     "--kv-type", "f32",      "--json"};
    command.insert(command.end(), more.begin(), more.end());
    const ProgramResult result = run_vivace(command);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.json()["tokens"], 70);
    EXPECT_NEAR(std::exp(result.json()["mean_nll"].get<double>()), result.json()["perplexity"].get<double>(), 1e-6);
    return array_of<float>(read_whole(out));
  };
  const std::vector<float> truth = logits({"--backend", "reference"});
  ASSERT_EQ(truth.size(), 70 * tiny_vocabulary().size());
  const std::vector<float> cpu = logits({});
  ASSERT_EQ(cpu.size(), truth.size());
  for (size_t i = 0; i < truth.size(); ++i) ASSERT_NEAR(cpu[i], truth[i], 2e-3) << i;
  EXPECT_EQ(logits({"--batch-size", "1"}), cpu);
  EXPECT_EQ(logits({"--batch-size", "7", "--threads", "1"}), cpu);
  EXPECT_EQ(logits({"--devices", "2", "--layer-split", "1,2"}), cpu);
}

TEST_F(TinyModel, ScoreRefusesWhatMakesNoSense) {
  const std::string ids = (*scratch_ / "wrong.i32").string();
  EXPECT_EQ(run_vivace({"score", model()}).exit_code, 2);
  EXPECT_EQ(run_vivace({"score", model(), "--tokens", ids + "x"}).exit_code, 3);
  write_whole(ids, "abc");
  EXPECT_EQ(run_vivace({"score", model(), "--tokens", ids}).exit_code, 1);
  write_whole(ids, bytes_of(std::vector<int32_t>{1, 100000}));
  EXPECT_EQ(run_vivace({"score", model(), "--tokens", ids}).exit_code, 2);
  EXPECT_EQ(run_vivace({"score", model(), "--tokens", ids, "--layer-split", "9"}).exit_code, 2);
}

TEST_F(TinyModel, BenchPrintsTheAgreedObject) {
  const ProgramResult result =
      run_vivace({"bench", model(), "--prompt", "40", "--generate", "5", "--repeat", "2", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = result.json();
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  EXPECT_EQ(keys,
            (std::vector<std::string>{"prefill", "decode", "load_seconds", "peak_rss_bytes", "machine", "settings"}));
  expect_no_null_rate(json["prefill"], 40);
  expect_no_null_rate(json["decode"], 5);
  EXPECT_GT(json["peak_rss_bytes"].get<int64_t>(), 0);
  EXPECT_GT(json["settings"]["memory"][0]["total_bytes"].get<int64_t>(), 0);
  EXPECT_EQ(run_vivace({"bench", model(), "--prompt", "16", "--generate", "2", "--repeat", "1"}).exit_code, 0);
}

TEST_F(TinyModel, BenchAtADepthInSeveralStreams) {
  const ProgramResult result = run_vivace({"bench", model(), "--prompt", "40", "--generate", "5", "--repeat", "2",
                                           "--depth", "50", "--streams", "3", "--kv-type", "f32", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = result.json();
  expect_no_null_rate(json["prefill"], 40, 50);
  expect_no_null_rate(json["decode"], 5, 50, 3);
  EXPECT_EQ(json["settings"]["context_length"], 90);
  EXPECT_EQ(json["settings"]["parallel"], 3);
  EXPECT_EQ(json["settings"]["kv_type"], "f32");
  const ProgramResult text = run_vivace(
      {"bench", model(), "--prompt", "0", "--generate", "4", "--repeat", "1", "--depth", "9", "--streams", "2"});
  EXPECT_NE(text.out.find("2 x 4 tokens at 9"), std::string::npos) << text.out;
  EXPECT_EQ(text.out.find("prefill"), std::string::npos) << text.out;
  EXPECT_EQ(run_vivace({"bench", model(), "--depth", "500", "--context-length", "512"}).exit_code, 1);
  const ProgramResult few = run_vivace({"bench", model(), "--streams", "4", "--parallel", "2"});
  EXPECT_NE(few.exit_code, 0);
  EXPECT_NE(few.err.find("--parallel is smaller than --streams"), std::string::npos) << few.err;
}

TEST_F(TinyModel, TokenizeThereAndBack) {
  const ProgramResult ids = run_vivace({"tokenize", model(), "Hi\xC3\xA9", "--json"});
  ASSERT_EQ(ids.exit_code, 0) << ids.err;
  EXPECT_EQ(ids.json()["ids"][0], 1) << "BOS";
  const ProgramResult plain = run_vivace({"tokenize", model(), "--no-add-special"}, {.input = "Hi\xC3\xA9"});
  EXPECT_EQ(plain.json()["ids"].size() + 1, ids.json()["ids"].size());
  const ProgramResult back = run_vivace({"tokenize", model(), "--detokenize", plain.out});
  EXPECT_EQ(back.exit_code, 0) << back.err;
  EXPECT_EQ(back.out, "Hi\xC3\xA9");
  write_whole(*scratch_ / "lines.jsonl",
              "{\"text\":\"a\",\"add_special\":false}\n\n{\"text\":\"a\",\"add_special\":true}\n");
  const ProgramResult lines = run_vivace({"tokenize", model(), "--jsonl", (*scratch_ / "lines.jsonl").string()});
  EXPECT_EQ(std::count(lines.out.begin(), lines.out.end(), '\n'), 2) << lines.out;
  write_whole(*scratch_ / "lines.jsonl", "{\"text\":\"a\"}\n{oops\n");
  const ProgramResult broken = run_vivace({"tokenize", model(), "--jsonl", (*scratch_ / "lines.jsonl").string()});
  EXPECT_NE(broken.exit_code, 0);
  EXPECT_NE(broken.err.find("line 2"), std::string::npos) << broken.err;
}

TEST_F(TinyModel, RenderPrintsThePromptAndNothingElse) {
  const std::string messages = (*scratch_ / "messages.json").string();
  write_whole(messages,
              R"({"messages":[{"role":"user","content":"Grüße"}],"add_generation_prompt":true,"expected":"x"})");
  const ProgramResult result = run_vivace({"render", model(), "--messages", messages});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "[user]Grüße\n[assistant]");
  write_whole(*scratch_ / "t.jinja", "{{ raise_exception('no ' + messages[0]['role']) }}");
  const ProgramResult raised =
      run_vivace({"render", "--template", (*scratch_ / "t.jinja").string(), "--messages", messages});
  EXPECT_EQ(raised.exit_code, 1);
  EXPECT_EQ(raised.out, "");
  EXPECT_NE(raised.err.find("no user"), std::string::npos) << raised.err;
  write_whole(*scratch_ / "t.jinja", "{{ strftime_now('%d %B %Y') }}");
  EXPECT_EQ(run_vivace({"render", "--template", (*scratch_ / "t.jinja").string(), "--messages", messages, "--now",
                        "2025-07-04T09:08:07"})
                .out,
            "04 July 2025");
  EXPECT_EQ(run_vivace({"render", "--messages", messages}).exit_code, 2);
}

// ---- conformance data

struct ModelCase {
  std::string name;
  fs::path folder;
};
void PrintTo(const ModelCase& c, std::ostream* out) { *out << c.name; }

std::vector<ModelCase> model_cases() {
  std::vector<ModelCase> cases;
  const auto models = conformance_path("models", "cli on models");
  if (!models) return cases;
  for (const auto& entry : fs::directory_iterator(*models)) {
    if (fs::exists(entry.path() / "case.json")) cases.push_back({entry.path().filename().string(), entry.path()});
  }
  std::sort(cases.begin(), cases.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return cases;
}

class ConformanceModel : public ::testing::TestWithParam<ModelCase> {};

TEST_P(ConformanceModel, InspectReadsIt) {
  const std::string model = (GetParam().folder / "model.gguf").string();
  const ProgramResult result = run_vivace({"inspect", model, "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = result.json();
  EXPECT_TRUE(json["architecture"].is_string());
  EXPECT_FALSE(json["tensors"].empty());
  EXPECT_EQ(run_vivace({"inspect", model}).exit_code, 0);
}

TEST_P(ConformanceModel, ScoreGivesTheGoldenLogits) {
  const fs::path folder = GetParam().folder;
  const std::string model = (folder / "model.gguf").string();
  const Json inspected = run_vivace({"inspect", model, "--json"}).json();
  const Json golden = parse_json(read_whole(folder / "case.json"));
  if (!inspected["runnable"].get<bool>()) {
    std::printf("did not run: cli score on %s (%s)\n", GetParam().name.c_str(),
                inspected["problem"].get<std::string>().c_str());
    return;
  }
  const ScratchFolder scratch;
  write_whole(scratch / "ids.i32", bytes_of(golden["tokens"].get<std::vector<int32_t>>()));
  const std::vector<float> truth = array_of<float>(read_whole(folder / "logits.f32"));
  for (const std::string backend : {"reference", "cpu"}) {
    for (const std::string kv : {"f32", "f16"}) {
      const std::string out = (scratch / "logits.f32").string();
      const ProgramResult result = run_vivace({"score", model, "--tokens", (scratch / "ids.i32").string(), "--logits",
                                               out, "--backend", backend, "--kv-type", kv, "--json"});
      ASSERT_EQ(result.exit_code, 0) << result.err;
      const std::vector<float> logits = array_of<float>(read_whole(out));
      ASSERT_EQ(logits.size(), truth.size());
      const double bound = golden[kv == "f32" ? "max_abs_err" : "max_abs_err_f16_kv"].get<double>();
      double worst = 0;
      for (size_t i = 0; i < truth.size(); ++i) worst = std::max(worst, std::abs(double(logits[i]) - truth[i]));
      EXPECT_LE(worst, bound) << backend << ", KV " << kv;
    }
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConformanceModel);
INSTANTIATE_TEST_SUITE_P(Models, ConformanceModel, ::testing::ValuesIn(model_cases()));

}  // namespace
}  // namespace vivace::test
