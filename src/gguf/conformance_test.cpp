// The models and vocabularies of the conformance data open in both modes, and the two modes read the same bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>

#include "base/test_data.h"
#include "gguf/gguf.h"
#include "gguf/sample_files.h"

namespace vivace {
namespace {

class ConformanceFile : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(ConformanceFile, OpensAndReadsTheSameInBothModes) {
  const GgufFile mapped = GgufFile::open(GetParam(), sample::type_size, AccessMode::kMap);
  const GgufFile read = GgufFile::open(GetParam(), sample::type_size, AccessMode::kRead);
  EXPECT_FALSE(mapped.metadata().get_string("general.architecture").empty());
  EXPECT_LE(mapped.tensor_bytes(), mapped.file_bytes());
  ASSERT_EQ(mapped.tensors().size(), read.tensors().size());
  std::vector<uint8_t> bytes;
  for (const TensorInfo& tensor : mapped.tensors()) {
    const TensorInfo& other = read.get_tensor(tensor.name);
    EXPECT_EQ(tensor.dims, other.dims);
    bytes.resize(tensor.bytes);
    read.read_tensor(other, 0, bytes);
    const auto data = mapped.tensor_data(tensor);
    EXPECT_TRUE(std::equal(data.begin(), data.end(), bytes.begin(), bytes.end())) << tensor.name;
  }
  if (const auto tokens = mapped.metadata().find_strings("tokenizer.ggml.tokens")) {
    size_t count = 0;
    for (std::string_view token : *tokens) count += token.size() < 10000;
    EXPECT_EQ(count, tokens->size());
  }
}

std::vector<std::filesystem::path> files() {
  std::vector<std::filesystem::path> found;
  for (const char* folder : {"models", "tokenizers"}) {
    const auto path = conformance_path(folder, std::string("gguf/") + folder);
    if (!path) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(*path)) {
      if (entry.path().extension() == ".gguf") found.push_back(entry.path());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string test_name(const ::testing::TestParamInfo<std::filesystem::path>& info) {
  std::string name = (info.param.parent_path().filename() / info.param.stem()).string();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Gguf, ConformanceFile, ::testing::ValuesIn(files()), test_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConformanceFile);

}  // namespace
}  // namespace vivace
