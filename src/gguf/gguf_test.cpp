// Well-formed files: every value type, both access modes, split models, header-only opening, memory.
#include "gguf/gguf.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/error.h"
#include "gguf/sample_files.h"
#include "gguf/writer.h"

namespace vivace {
namespace {

using sample::type_size;

class GgufTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              ("vivace-gguf-" + std::to_string(::getpid()) + "-" + std::string(info->name()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, std::span<const uint8_t> bytes) const {
    const auto path = folder_ / name;
    write_file_atomic(path, bytes);
    return path;
  }
  void write_split() const {
    write("m-00001-of-00002.gguf", sample::split_part(0));
    write("m-00002-of-00002.gguf", sample::split_part(1));
  }

  std::filesystem::path folder_;
};

template <class Action>
void expect_error(ErrorCode code, const std::string& part, Action action) {
  try {
    action();
    ADD_FAILURE() << "no error; expected one with: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE((std::string(error.what()) + "|" + error.hint()).find(part), std::string::npos)
        << error.what() << "|" << error.hint();
  }
}

std::vector<uint8_t> read_all(const GgufFile& file, const TensorInfo& tensor) {
  std::vector<uint8_t> bytes(tensor.bytes);
  file.read_tensor(tensor, 0, bytes);
  return bytes;
}

bool same(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

TEST_F(GgufTest, ReadsEveryValueType) {
  const auto bytes = sample::all_types();
  const GgufFile file = GgufFile::open_memory(bytes, type_size);
  const Metadata& metadata = file.metadata();
  EXPECT_EQ(file.version(), 3u);
  EXPECT_EQ(metadata.entries().front().key, "general.architecture");
  EXPECT_EQ(metadata.get_string("general.architecture"), "llama");
  EXPECT_EQ(metadata.get_u32("t.u8"), 200u);
  EXPECT_EQ(metadata.get_i32("t.i8"), -100);
  EXPECT_EQ(metadata.get_u64("t.u16"), 60000u);
  EXPECT_EQ(metadata.get_i64("t.i16"), -30000);
  EXPECT_EQ(metadata.get_i64("t.u32"), 4000000000);
  EXPECT_EQ(metadata.get_i32("t.i32"), -2000000000);
  EXPECT_EQ(metadata.get_u64("t.u64"), UINT64_MAX);
  EXPECT_EQ(metadata.get_i64("t.i64"), INT64_MIN);
  EXPECT_EQ(metadata.get_f32("t.f32"), 1.5f);
  EXPECT_EQ(metadata.get_f32("t.f64"), -2.25f);
  EXPECT_EQ(metadata.get_f32("t.u8"), 200.0f);
  EXPECT_TRUE(metadata.get_bool("t.bool"));
  EXPECT_EQ(metadata.get_string("t.string"), std::string_view("a\0\xff z", 5));
  EXPECT_EQ(metadata.get("t.i16").type(), ValueType::kI16);
}

TEST_F(GgufTest, ReadsArrays) {
  const auto bytes = sample::all_types();
  const GgufFile file = GgufFile::open_memory(bytes, type_size);
  const Metadata& metadata = file.metadata();
  EXPECT_EQ(metadata.get_integers<int32_t>("a.u8"), (std::vector<int32_t>{1, 2, 255}));
  EXPECT_EQ(metadata.get_integers<int64_t>("a.i32"), (std::vector<int64_t>{-1, 0, 7}));
  EXPECT_EQ(metadata.get_integers<uint64_t>("a.u64"), (std::vector<uint64_t>{1ull << 40}));
  EXPECT_EQ(metadata.get_floats("a.f32"), (std::vector<float>{0.5f, -4.0f}));
  EXPECT_EQ(metadata.get_floats("a.i32"), (std::vector<float>{-1, 0, 7}));
  EXPECT_EQ(metadata.get("a.bool").packed<bool>()->to_vector(), (std::vector<bool>{true, false, true}));
  EXPECT_EQ((*metadata.get("a.f32").packed<float>())[1], -4.0f);
  EXPECT_FALSE(metadata.get("a.f32").packed<double>());
  EXPECT_TRUE(metadata.get_floats("a.empty").empty());
  EXPECT_EQ(metadata.get_strings("a.strings").to_vector(),
            (std::vector<std::string_view>{"<s>", "", "caf\xc3\xa9", "\xff"}));

  std::vector<Value> rows;
  for (const Value row : metadata.get("a.arrays").elements()) rows.push_back(row);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].integers<int>(), (std::vector<int>{1, 2}));
  EXPECT_EQ(rows[1].strings()->to_vector(), (std::vector<std::string_view>{"x", "yz"}));
  EXPECT_EQ(rows[2].type_text(), "array of array");
  const Value inner = *rows[2].elements().begin();
  EXPECT_EQ(inner.integers<int>(), std::vector<int>{9});
  EXPECT_EQ(bytes[inner.file_offset() + 12], 9);
}

TEST_F(GgufTest, FindsNothingWhereAKeyIsAbsent) {
  const auto bytes = sample::small();
  const GgufFile file = GgufFile::open_memory(bytes, type_size);
  const Metadata& metadata = file.metadata();
  EXPECT_EQ(metadata.find("x"), nullptr);
  EXPECT_FALSE(metadata.find_u32("x"));
  EXPECT_FALSE(metadata.find_f32("x"));
  EXPECT_FALSE(metadata.find_string("x"));
  EXPECT_FALSE(metadata.find_strings("x"));
  EXPECT_FALSE(metadata.find_floats("x"));
  EXPECT_FALSE(metadata.find_integers<int>("x"));
  EXPECT_FALSE(metadata.contains("x"));
}

TEST_F(GgufTest, NamesKeyAndReasonOfAWrongRead) {
  const auto path = write("m.gguf", sample::all_types());
  const GgufFile file = GgufFile::open(path, type_size);
  const Metadata& metadata = file.metadata();
  const auto bad = ErrorCode::kInvalidFile;
  expect_error(bad, "m.gguf: metadata key 'no.key' is missing", [&] { metadata.get_u32("no.key"); });
  expect_error(bad, "'t.string' (byte ", [&] { metadata.get_u32("t.string"); });
  expect_error(bad, "has type string, expected u32", [&] { metadata.get_u32("t.string"); });
  expect_error(bad, "has type bool, expected i64", [&] { metadata.get_i64("t.bool"); });
  expect_error(bad, "is 4000000000, out of range for i32", [&] { metadata.get_i32("t.u32"); });
  expect_error(bad, "is -100, out of range for u64", [&] { metadata.find_u64("t.i8"); });
  expect_error(bad, "is 18446744073709551615, out of range for i64", [&] { metadata.get_i64("t.u64"); });
  expect_error(bad, "has type u8, expected bool", [&] { metadata.get_bool("t.u8"); });
  expect_error(bad, "has type u8, expected string", [&] { metadata.get_string("t.u8"); });
  expect_error(bad, "has type bool, expected f32", [&] { metadata.get_f32("t.bool"); });
  expect_error(bad, "has type array of i32, expected array of string", [&] { metadata.get_strings("a.i32"); });
  expect_error(bad, "expected array of integers that fit u8", [&] { metadata.get_integers<uint8_t>("a.i32"); });
  expect_error(bad, "has type array of bool, expected array of f32", [&] { metadata.get_floats("a.bool"); });
}

TEST_F(GgufTest, ReadsTensorsInBothModes) {
  const auto path = write("m.gguf", sample::all_types());
  for (const AccessMode mode : {AccessMode::kMap, AccessMode::kRead}) {
    GgufFile opened = GgufFile::open(path, type_size, mode);
    const GgufFile file = std::move(opened);
    EXPECT_EQ(file.alignment(), 64u);
    EXPECT_EQ(file.file_bytes(), std::filesystem::file_size(path));
    EXPECT_EQ(file.tensor_bytes(), 102u + 20u + 64u);
    ASSERT_EQ(file.tensors().size(), 3u);
    const TensorInfo& embedding = file.get_tensor("token_embd.weight");
    EXPECT_EQ(embedding.dims, (std::vector<uint64_t>{32, 3}));
    EXPECT_EQ(embedding.ggml_type, sample::kQ8_0);
    EXPECT_EQ(embedding.offset % 64, 0u);
    EXPECT_EQ(embedding.elements(), 96u);
    for (const TensorInfo& tensor : file.tensors()) {
      EXPECT_EQ(file.find_tensor(tensor.name), &tensor);
      EXPECT_TRUE(same(read_all(file, tensor), sample::data(tensor.bytes)));
    }
    std::vector<uint8_t> middle(10);
    file.read_tensor(embedding, 40, middle);
    EXPECT_TRUE(same(middle, sample::data(50).subspan(40)));
    EXPECT_EQ(file.find_tensor("nothing"), nullptr);
    expect_error(ErrorCode::kInvalidFile, "tensor 'nothing' is missing", [&] { file.get_tensor("nothing"); });
    expect_error(ErrorCode::kInvalidArgument, "outside its 102", [&] { file.read_tensor(embedding, 93, middle); });
    EXPECT_EQ(file.has_mapped_data(), mode == AccessMode::kMap);
    if (mode == AccessMode::kMap) {
      EXPECT_TRUE(same(file.tensor_data(embedding), sample::data(102)));
    } else {
      expect_error(ErrorCode::kInvalidArgument, "not mapped", [&] { file.tensor_data(embedding); });
    }
  }
}

TEST_F(GgufTest, ReadsVersion2AndFilesWithoutTensors) {
  auto bytes = sample::all_types();
  bytes[4] = 2;
  EXPECT_EQ(GgufFile::open_memory(bytes, type_size).version(), 2u);
  const auto path = write("v.gguf", sample::vocabulary_only());
  const GgufFile file = GgufFile::open(path, type_size);
  EXPECT_TRUE(file.tensors().empty());
  EXPECT_EQ(file.metadata().get_strings("tokenizer.ggml.tokens").size(), 3u);
  const auto empty = GgufWriter().to_bytes();
  EXPECT_TRUE(GgufFile::open_memory(empty, type_size).metadata().entries().empty());
}

TEST_F(GgufTest, ReadsAHeaderLargerThanTheFirstRead) {
  std::vector<std::string> tokens;
  for (int i = 0; i < 100000; ++i) tokens.push_back("token " + std::to_string(i));
  GgufWriter writer;
  writer.set_strings("tokens", tokens);
  writer.set_u32("after", 7);
  writer.add_tensor("w", {4}, sample::kF32, sample::data(16));
  const auto path = folder_ / "large.gguf";
  writer.write(path);
  for (const AccessMode mode : {AccessMode::kMap, AccessMode::kRead}) {
    const GgufFile file = GgufFile::open(path, type_size, mode);
    const auto read = file.metadata().get_strings("tokens").to_vector();
    ASSERT_EQ(read.size(), tokens.size());
    EXPECT_TRUE(std::equal(read.begin(), read.end(), tokens.begin()));
    EXPECT_EQ(file.metadata().get_u32("after"), 7u);
    EXPECT_TRUE(same(read_all(file, file.tensors()[0]), sample::data(16)));
  }
}

TEST_F(GgufTest, OpensAllFilesOfASplitModel) {
  write_split();
  for (const AccessMode mode : {AccessMode::kMap, AccessMode::kRead}) {
    const GgufFile file = GgufFile::open(folder_ / "m-00001-of-00002.gguf", type_size, mode);
    ASSERT_EQ(file.files().size(), 2u);
    EXPECT_EQ(file.files()[1].path.filename(), "m-00002-of-00002.gguf");
    EXPECT_EQ(file.files()[1].alignment, 128u);
    EXPECT_EQ(file.files()[1].tensor_count, 2u);
    ASSERT_EQ(file.tensors().size(), 4u);
    EXPECT_EQ(file.get_tensor("t1").file_index, 0u);
    EXPECT_EQ(file.get_tensor("t2").file_index, 1u);
    EXPECT_TRUE(same(read_all(file, file.get_tensor("t0")), sample::data(16)));
    EXPECT_TRUE(same(read_all(file, file.get_tensor("t2")), sample::data(32).subspan(16)));
    EXPECT_TRUE(same(read_all(file, file.get_tensor("t3")), sample::data(68)));
    EXPECT_EQ(file.metadata().get_string("general.architecture"), "llama");
  }
  const auto first = sample::split_part(0);
  const auto second = sample::split_part(1);
  const std::array<std::span<const uint8_t>, 2> parts = {first, second};
  const GgufFile file = GgufFile::open_memory(parts, type_size);
  EXPECT_TRUE(same(file.tensor_data(file.get_tensor("t2")), sample::data(32).subspan(16)));
}

TEST_F(GgufTest, RefusesBrokenSplitModels) {
  write_split();
  const auto first = folder_ / "m-00001-of-00002.gguf";
  const auto second = folder_ / "m-00002-of-00002.gguf";
  const auto open = [&] { GgufFile::open(first, type_size); };
  expect_error(ErrorCode::kInvalidArgument, "Open m-00001-of-00002.gguf", [&] { GgufFile::open(second, type_size); });
  std::filesystem::remove(second);
  expect_error(ErrorCode::kNotFound, "m-00002-of-00002.gguf", open);
  write("m-00002-of-00002.gguf", sample::split_part(0));
  expect_error(ErrorCode::kInvalidFile, "'split.no' (byte ", open);
  write("m-00002-of-00002.gguf", sample::split_part(1, 3));
  expect_error(ErrorCode::kInvalidFile, "'split.count' (byte ", open);
  write("m-00002-of-00002.gguf", sample::small());
  expect_error(ErrorCode::kInvalidFile, "'split.no' is missing", open);

  GgufWriter twice;
  twice.set_u32("split.no", 1);
  twice.set_u32("split.count", 2);
  twice.add_tensor("t0", {4}, sample::kF32, sample::data(16));
  twice.write(second);
  expect_error(ErrorCode::kInvalidFile, "'split.tensors.count' (byte ", open);
  twice.add_tensor("t9", {4}, sample::kF32, sample::data(16));
  twice.write(second);
  expect_error(ErrorCode::kInvalidFile, "tensor 't0' occurs twice", open);

  write("other.gguf", sample::split_part(0));
  expect_error(ErrorCode::kInvalidFile, "-00001-of-00002.gguf",
               [&] { GgufFile::open(folder_ / "other.gguf", type_size); });
  const auto bytes = sample::split_part(0);
  expect_error(ErrorCode::kInvalidFile, "split.count says 2 files, 1 given",
               [&] { GgufFile::open_memory(bytes, type_size); });
}

TEST_F(GgufTest, OpensAMergedModelAsOneFile) {
  GgufWriter writer;
  writer.set_u32("split.count", 0);
  writer.set_u32("split.no", 0);
  writer.set_u32("split.tensors.count", 4);
  const auto bytes = writer.to_bytes();
  EXPECT_EQ(GgufFile::open_memory(bytes, type_size).files().size(), 1u);
}

TEST_F(GgufTest, OpensAHeaderWithoutItsData) {
  auto bytes = sample::all_types();
  const uint64_t header = GgufFile::open_memory(bytes, type_size).files()[0].header_bytes;
  bytes.resize(header);
  const auto path = write("m.gguf", bytes);
  expect_error(ErrorCode::kInvalidFile, "the data ends at byte", [&] { GgufFile::open(path, type_size); });
  const GgufFile file = GgufFile::open_header(path, type_size);
  EXPECT_EQ(file.get_tensor("blk.0.experts").bytes, 64u);
  EXPECT_EQ(file.metadata().get_u32("t.u8"), 200u);
  expect_error(ErrorCode::kInvalidArgument, "only the header", [&] { file.tensor_data(file.tensors()[0]); });
  expect_error(ErrorCode::kInvalidArgument, "only the header", [&] { read_all(file, file.tensors()[0]); });

  const std::span<const uint8_t> all(bytes);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(GgufFile::open_header_memory(all.first(length), type_size)) << length;
  }
  const auto prefix = GgufFile::open_header_memory(all, type_size);
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->tensors().size(), 3u);
}

TEST_F(GgufTest, ReportsAFileThatIsShortenedInUse) {
  const auto path = write("m.gguf", sample::all_types());
  const GgufFile file = GgufFile::open(path, type_size);
  file.check_sizes();
  std::filesystem::resize_file(path, 100);
  expect_error(ErrorCode::kIo, "was shortened from", [&] { file.check_sizes(); });
  expect_error(ErrorCode::kIo, "ends at byte", [&] { read_all(file, file.tensors()[0]); });
  EXPECT_EQ(file.metadata().get_string("general.architecture"), "llama");
}

TEST_F(GgufTest, MapsAFileThatWasOpenedForReading) {
  const auto path = write("m.gguf", sample::all_types());
  std::optional<GgufFile> file = GgufFile::open(path, type_size, AccessMode::kRead);
  const TensorInfo tensor = file->tensors()[0];
  std::vector<uint8_t> bytes(tensor.bytes);
  file->read_tensor(tensor, 0, bytes);
  const MappedFile map = file->map_file(tensor.file_index);
  std::filesystem::rename(path, folder_ / "elsewhere");
  EXPECT_EQ(file->map_file(0).bytes().size(), map.bytes().size());  // the open file, not what is under its name
  expect_error(ErrorCode::kInvalidArgument, "only an open model file", [&] { file->map_file(1); });
  std::filesystem::resize_file(folder_ / "elsewhere", map.bytes().size() - 1);
  expect_error(ErrorCode::kIo, "was shortened from", [&] { file->map_file(0); });
  file.reset();
  const auto mapped = map.bytes().subspan(size_t(tensor.offset), bytes.size());
  EXPECT_TRUE(std::equal(mapped.begin(), mapped.end(), bytes.begin(), bytes.end()));
}

TEST_F(GgufTest, NamesFilesThatCannotBeOpened) {
  expect_error(ErrorCode::kNotFound, "none.gguf", [&] { GgufFile::open(folder_ / "none.gguf", type_size); });
  expect_error(ErrorCode::kIo, "a folder", [&] { GgufFile::open(folder_, type_size); });
  const auto empty = write("empty.gguf", {});
  expect_error(ErrorCode::kInvalidFile, "magic", [&] { GgufFile::open(empty, type_size); });
}

TEST_F(GgufTest, CopiesAFileThroughReaderAndWriter) {
  const auto bytes = sample::all_types();
  const GgufFile file = GgufFile::open_memory(bytes, type_size);
  GgufWriter writer;
  for (const MetadataEntry& entry : file.metadata().entries()) {
    writer.set(std::string(entry.key), EncodedValue::copy(entry.value));
  }
  for (const TensorInfo& tensor : file.tensors()) {
    const auto data = file.tensor_data(tensor);
    writer.add_tensor(tensor.name, tensor.dims, tensor.ggml_type, tensor.bytes, [data](const GgufWriter::Sink& sink) {
      for (uint8_t byte : data) sink({&byte, 1});
    });
  }
  EXPECT_EQ(writer.to_bytes(), bytes);
  writer.write(folder_ / "copy.gguf");
  EXPECT_EQ(read_file_to_memory(folder_ / "copy.gguf"), bytes);
}

TEST_F(GgufTest, WriterRefusesWhatTheReaderWould) {
  const auto bad = ErrorCode::kInvalidArgument;
  GgufWriter writer;
  writer.set_u32("k", 1);
  expect_error(bad, "'k' is set twice", [&] { writer.set_u32("k", 2); });
  expect_error(bad, "key ''", [&] { writer.set_u32("", 2); });
  expect_error(bad, "UTF-8", [&] { writer.set_u32("\xff", 2); });
  expect_error(bad, "alignment", [&] { writer.set_alignment(48); });
  expect_error(bad, "1 to 4 dimensions", [&] { writer.add_tensor("t", {}, 0, sample::data(4)); });
  expect_error(bad, "1 to 4 dimensions", [&] { writer.add_tensor("t", {4, 0}, 0, sample::data(4)); });
  writer.add_tensor("t", {1}, 0, sample::data(4));
  expect_error(bad, "'t' is added twice", [&] { writer.add_tensor("t", {1}, 0, sample::data(4)); });
  expect_error(bad, "before the first tensor", [&] { writer.set_alignment(64); });
  const std::array<EncodedValue, 1> scalars = {EncodedValue::scalar<uint8_t>(1)};
  expect_error(bad, "not an array", [&] { EncodedValue::arrays(scalars); });
  writer.add_tensor("short", {2}, 0, 8, [](const GgufWriter::Sink& sink) { sink(sample::data(4)); });
  expect_error(bad, "'short' got 4 of its 8 bytes", [&] { writer.write(folder_ / "x.gguf"); });
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x.gguf"));
}

}  // namespace
}  // namespace vivace
