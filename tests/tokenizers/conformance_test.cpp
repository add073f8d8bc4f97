// Every vocabulary of the conformance data, and the two real models where they are installed: exact ids.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/test_data.h"
#include "chat/vocabulary_from_gguf.h"
#include "engine/output_text.h"
#include "gguf/gguf.h"
#include "text/tokenizer/tokenizer.h"

namespace vivace {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<int32_t>;

// Only the metadata matters here: a size that no real tensor falls short of.
std::optional<TensorTypeSize> any_type(uint32_t) { return TensorTypeSize{32, 1}; }

std::unique_ptr<Tokenizer> load(const fs::path& path) {
  const GgufFile file = GgufFile::open_header(path, any_type);
  return Tokenizer::create(vocabulary_from_gguf(file.metadata()));
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Where the program keeps downloaded models.
fs::path models_dir() {
  if (const char* home = std::getenv("VIVACE_HOME")) return fs::path(home) / "models";
  const char* home = std::getenv("HOME");
  return fs::path(home == nullptr ? "." : home) / ".local/share/vivace/models";
}

struct Case {
  std::string name;
  fs::path model;
  fs::path jsonl;  // or .inp with .out beside it
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::string test_name(const std::string& file) {
  std::string name;
  for (const char c : file) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}

std::vector<Case> cases() {
  std::vector<Case> found;
  const auto dir = conformance_path("tokenizers", "tokenizers");
  if (!dir) return found;
  for (const auto& entry : fs::directory_iterator(*dir)) {
    const fs::path& path = entry.path();
    if (path.extension() == ".inp") {
      fs::path model = path;
      found.push_back({test_name(path.stem().stem().string()), model.replace_extension(), path});
    }
    if (path.extension() != ".jsonl") continue;
    const std::string name = path.stem().string();
    fs::path model = *dir / ("ggml-vocab-" + name + ".gguf");
    if (name == "smollm2") model = models_dir() / "smollm2-135m-instruct.gguf";
    if (name == "gemma3") model = models_dir() / "gemma3-270m-it-q4_k_m.gguf";
    if (!fs::exists(model)) {
      std::printf("did not run: tokenizers/%s (no %s)\n", name.c_str(), model.string().c_str());
      continue;
    }
    found.push_back({test_name(name) + "_jsonl", model, path});
  }
  return found;
}

class TokenizerConformance : public ::testing::TestWithParam<Case> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TokenizerConformance);

struct Line {
  std::string text;
  Ids ids;
  EncodeOptions options;
};

std::vector<Line> read_inp(const fs::path& inp) {
  const std::string separator = "\n__ggml_vocab_test__\n";
  const std::string all = read_file(inp);
  std::vector<Line> lines;
  for (size_t begin = 0; begin < all.size();) {
    const size_t end = std::min(all.find(separator, begin), all.size());
    lines.push_back({all.substr(begin, end - begin), {}, {false, false}});
    begin = end + separator.size();
  }
  fs::path out = inp;
  std::ifstream ids(out.replace_extension(".out"));
  for (Line& line : lines) {
    std::string row;
    EXPECT_TRUE(std::getline(ids, row));
    std::istringstream numbers(row);
    line.ids.assign(std::istream_iterator<int32_t>(numbers), {});
  }
  return lines;
}

std::vector<Line> read_jsonl(const fs::path& path) {
  std::ifstream in(path);
  std::vector<Line> lines;
  for (std::string row; std::getline(in, row);) {
    const Json json = parse_json(row);
    lines.push_back({json.at("text").get<std::string>(),
                     json.at("ids").get<Ids>(),
                     {json.at("add_special").get<bool>(), json.at("parse_special").get<bool>()}});
  }
  return lines;
}

TEST_P(TokenizerConformance, GivesTheExpectedIds) {
  const Case& c = GetParam();
  const auto tokenizer = load(c.model);
  const std::vector<Line> lines = c.jsonl.extension() == ".inp" ? read_inp(c.jsonl) : read_jsonl(c.jsonl);
  EXPECT_GT(lines.size(), 40U);
  for (const Line& line : lines) {
    EXPECT_EQ(tokenizer->encode(line.text, line.options), line.ids) << "text: " << line.text;
  }
}

TEST_P(TokenizerConformance, DecodesWhatItEncoded) {
  const Case& c = GetParam();
  const auto tokenizer = load(c.model);
  const std::vector<Line> lines = c.jsonl.extension() == ".inp" ? read_inp(c.jsonl) : read_jsonl(c.jsonl);
  for (const Line& line : lines) {
    const Ids ids = tokenizer->encode(line.text, line.options);
    std::string streamed;
    OutputText stream;
    for (const int32_t id : ids) streamed += stream.push(tokenizer->piece(id, line.options.parse_special));
    streamed += stream.flush();
    if (line.options.add_special) continue;
    EXPECT_EQ(tokenizer->decode(ids, {line.options.parse_special, true}), line.text);
    if (tokenizer->kind() == "BPE") {
      EXPECT_EQ(streamed, line.text);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Data, TokenizerConformance, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace vivace
