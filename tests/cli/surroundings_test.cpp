// What surrounds a run must not show in it: decimal commas of the user's locale, names of files outside ASCII.
#include <gtest/gtest.h>

#include <clocale>
#include <cstdio>
#include <locale>

#include "base/os/paths.h"
#include "cli/program.h"
#include "program_run.h"
#include "tiny_text_model.h"

namespace vivace::test {
namespace {

namespace fs = std::filesystem;

struct Decimals : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

// C++ streams and, where the system has one, the C library in German for as long as it lives.
class GermanProcess {
 public:
  explicit GermanProcess(const fs::path& locales)
      : before_(std::locale::global(std::locale(std::locale::classic(), new Decimals))) {
    setenv("LOCPATH", locales.c_str(), 1);
    has_c_ = std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr;
  }
  ~GermanProcess() {
    std::setlocale(LC_ALL, "C");
    unsetenv("LOCPATH");
    std::locale::global(before_);
  }
  GermanProcess(const GermanProcess&) = delete;
  GermanProcess& operator=(const GermanProcess&) = delete;
  bool has_c() const { return has_c_; }

 private:
  std::locale before_;
  bool has_c_ = false;
};

constexpr const char* kNumbers =
    "{{ 1.5 }} {{ 1234567 }} {{ 2.25 | round(1) }} {{ {'x': 0.1} | tojson }} {{ '%.2f' | format(3.14159) }}";

class Surroundings : public ::testing::Test {
 protected:
  void SetUp() override {
    write_tiny_text_model(scratch_ / "tiny.gguf");
    write_whole(scratch_ / "messages.json", R"([{"role":"user","content":"Hi"}])");
    write_whole(scratch_ / "numbers.jinja", kNumbers);
    std::string ids;
    for (char i = 1; i < 40; ++i) ids += {i, 0, 0, 0};
    write_whole(scratch_ / "ids.i32", ids);
  }
  std::string path(const char* name) const { return (scratch_ / name).string(); }
  std::vector<std::vector<std::string>> commands() const {
    return {{"inspect", path("tiny.gguf"), "--json"},
            {"inspect", path("tiny.gguf"), "--tensors"},
            {"inspect", path("tiny.gguf"), "--tensor", "blk.1.attn_q.weight"},
            {"tokenize", path("tiny.gguf"), "1,5 and 2.5"},
            {"render", "--template", path("numbers.jinja"), "--messages", path("messages.json")},
            {"score", path("tiny.gguf"), "--tokens", path("ids.i32"), "--json"},
            {"run", path("tiny.gguf"), "Hello", "--max-tokens", "4", "--temperature", "0.7", "--top-p", "0.95",
             "--seed", "3", "--ignore-eos"},
            {"run", path("tiny.gguf"), "Hello", "--temperature", "0,7"}};
  }
  // What a machine reads: standard output, without the times of score.
  static std::string product(const std::string& command, const std::string& out) {
    if (command != "score") return out;
    const Json json = parse_json(out);
    return dump_json(json["perplexity"]) + dump_json(json["mean_nll"]);
  }
  ScratchFolder scratch_;
};

TEST_F(Surroundings, DecimalCommasStayOutsideTheProgram) {
  const std::string make = "localedef -i de_DE -f UTF-8 '" + path("de_DE.UTF-8") + "' > /dev/null 2>&1";
  if (std::system(make.c_str()) != 0) std::printf("did not run: a German C library (localedef has no de_DE)\n");
  for (const std::vector<std::string>& command : commands()) {
    const ProgramResult plain = run_vivace(command);
    const ProgramResult german = run_vivace(
        command, {.environment = {"LC_ALL=de_DE.UTF-8", "LANG=de_DE.UTF-8", "LOCPATH=" + scratch_.path().string()}});
    EXPECT_EQ(german.exit_code, plain.exit_code) << command[0] << german.err;
    ASSERT_EQ(plain.exit_code == 0, command.back() != "0,7") << plain.err;
    if (plain.exit_code != 0) continue;
    EXPECT_EQ(product(command[0], german.out), product(command[0], plain.out));
  }
}

TEST_F(Surroundings, DecimalCommasStayOutsideTheLibrary) {
  const std::string make = "localedef -i de_DE -f UTF-8 '" + path("de_DE.UTF-8") + "' > /dev/null 2>&1";
  const bool made = std::system(make.c_str()) == 0;
  for (const std::vector<std::string>& command : commands()) {
    if (command[0] == "run") continue;
    const ProgramResult plain = run_vivace(command);
    ASSERT_EQ(plain.exit_code, 0) << plain.err;
    std::string german;
    {
      const GermanProcess process(scratch_.path());
      EXPECT_EQ(process.has_c(), made);
      testing::internal::CaptureStdout();
      EXPECT_EQ(run_program(command, read_environment()), 0) << command[0];
      german = testing::internal::GetCapturedStdout();
    }
    EXPECT_EQ(product(command[0], german), product(command[0], plain.out)) << command[0];
  }
}

TEST_F(Surroundings, NamesOutsideAscii) {
  const fs::path folder = scratch_.path() / fs::path("Größe 模型 'a' \xF0\x9F\x8E\xB5");
  fs::create_directories(folder / "models");
  for (const char* name : {"tiny.gguf", "messages.json", "numbers.jinja", "ids.i32"}) {
    fs::rename(scratch_ / name, folder / fs::path("\xC3\xBC " + std::string(name)));
  }
  const auto at = [&](const std::string& name) { return (folder / fs::path("\xC3\xBC " + name)).string(); };
  const std::string out = (folder / fs::path("\xE5\x87\xBA.f32")).string();
  const std::vector<std::vector<std::string>> all = {
      {"inspect", at("tiny.gguf"), "--json"},
      {"inspect", at("tiny.gguf"), "--tensor", "blk.1.attn_q.weight", "--out", out},
      {"tokenize", at("tiny.gguf"), "--file", at("messages.json")},
      {"tokenize", at("tiny.gguf"), "Gr\xC3\xBC\xC3\x9F"},
      {"render", at("tiny.gguf"), "--messages", at("messages.json")},
      {"render", "--template", at("numbers.jinja"), "--messages", at("messages.json")},
      {"score", at("tiny.gguf"), "--tokens", at("ids.i32"), "--logits", out},
      {"run", at("tiny.gguf"), "Hello", "--max-tokens", "3", "--ignore-eos"}};
  for (const char* locale : {"C", "C.UTF-8"}) {
    for (const std::vector<std::string>& command : all) {
      const ProgramResult result = run_vivace(command, {.environment = {std::string("LC_ALL=") + locale}});
      EXPECT_EQ(result.exit_code, 0) << command[0] << " under " << locale << ": " << result.err;
    }
  }
  EXPECT_TRUE(fs::exists(out));
  fs::rename(at("tiny.gguf"), folder / "models" / fs::path("mod\xC3\xA8le.gguf"));
  const ProgramResult named =
      run_vivace({"inspect", "mod\xC3\xA8le", "--json"}, {.environment = {"VIVACE_HOME=" + folder.string()}});
  EXPECT_EQ(named.exit_code, 0) << named.err;
  const ProgramResult missing = run_vivace({"inspect", at("missing.gguf")});
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_NE(missing.err.find("\xE6\xA8\xA1\xE5\x9E\x8B"), std::string::npos) << missing.err;
}

}  // namespace
}  // namespace vivace::test
