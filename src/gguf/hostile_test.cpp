// Damaged and hostile files: each is an Error that names the field and the byte, and none costs more memory than the
// file has.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>

#include "base/error.h"
#include "gguf/gguf.h"
#include "gguf/sample_files.h"

namespace vivace {
namespace {

using sample::type_size;

// Writes header fields one by one, right or wrong.
class Raw {
 public:
  explicit Raw(uint64_t tensors, uint64_t entries, uint32_t version = 3) {
    raw("GGUF").number(version).number(tensors).number(entries);
  }
  Raw& raw(std::string_view bytes) {
    data.insert(data.end(), bytes.begin(), bytes.end());
    return *this;
  }
  template <class T>
  Raw& number(T value) {
    return raw({reinterpret_cast<const char*>(&value), sizeof(T)});
  }
  Raw& u32(uint32_t value) { return number(value); }
  Raw& u64(uint64_t value) { return number(value); }
  Raw& text(std::string_view value) { return u64(value.size()).raw(value); }
  Raw& entry(std::string_view key, ValueType type) { return text(key).u32(static_cast<uint32_t>(type)); }
  Raw& tensor(std::string_view name, std::vector<uint64_t> dims, uint32_t type, uint64_t offset) {
    text(name).u32(static_cast<uint32_t>(dims.size()));
    for (uint64_t dim : dims) u64(dim);
    return u32(type).u64(offset);
  }
  Raw& pad(size_t bytes) {
    data.resize((data.size() + 31) / 32 * 32 + bytes);
    return *this;
  }
  size_t size() const { return data.size(); }

  std::vector<uint8_t> data;
};

std::string message(std::span<const uint8_t> bytes, ErrorCode code = ErrorCode::kInvalidFile) {
  try {
    GgufFile::open_memory(bytes, type_size);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "no error";
}

void expect_message(const std::vector<uint8_t>& bytes, const std::string& part,
                    ErrorCode code = ErrorCode::kInvalidFile) {
  const std::string text = message(bytes, code);
  EXPECT_NE(text.find(part), std::string::npos) << text << "\nexpected: " << part;
}

TEST(HostileGguf, MagicVersionAndEndianness) {
  expect_message({}, "magic: needs 4 bytes, the file ends after 0 more (byte 0)");
  expect_message(Raw(0, 0).raw("").data, "no error");
  auto bytes = Raw(0, 0).data;
  bytes[0] = 'g';
  expect_message(bytes, "magic: the file does not begin with 'GGUF' (byte 0)");
  bytes = Raw(0, 0).data;
  std::memcpy(bytes.data(), "FUGG", 4);
  expect_message(bytes, "magic: the file is big-endian");
  expect_message(Raw(0, 0, 0x03000000).data, "version: the file is big-endian, only little-endian is read (byte 4)");
  expect_message(Raw(0, 0, 1).data, "version: is 1, supported are 2 and 3 (byte 4)", ErrorCode::kUnsupported);
  expect_message(Raw(0, 0, 4).data, "version: is 4", ErrorCode::kUnsupported);
  expect_message(Raw(0, 0, 0).data, "version: is 0", ErrorCode::kUnsupported);
}

TEST(HostileGguf, HugeCounts) {
  expect_message(Raw(UINT64_MAX, 0).data, "tensor count: 18446744073709551615 can't fit");
  expect_message(Raw(0, UINT64_MAX).data, "metadata count: 18446744073709551615 can't fit");
  expect_message(Raw(1, 0).data, "tensor count: 1 can't fit in the 0 bytes that are left of the file (byte 8)");
  expect_message(Raw(0, 3).pad(10).data,
                 "metadata count: 3 can't fit in the 18 bytes that are left of the file (byte 16)");
  for (const uint64_t count : {uint64_t{100}, uint64_t{1} << 61, uint64_t{1} << 62, UINT64_MAX}) {
    for (const ValueType type : {ValueType::kU8, ValueType::kF64, ValueType::kString, ValueType::kArray}) {
      Raw file(0, 1);
      file.entry("k", ValueType::kArray).u32(static_cast<uint32_t>(type)).u64(count);
      expect_message(file.pad(32).data, "array length of metadata key 'k': " + std::to_string(count) + " elements");
    }
    expect_message(Raw(0, 1).u64(count).pad(32).data, "of metadata entry #0: ");
    expect_message(Raw(0, 1).entry("k", ValueType::kString).u64(count).pad(0).data,
                   "string of metadata key 'k': needs");
  }
}

TEST(HostileGguf, Keys) {
  expect_message(Raw(0, 1).text("").pad(32).data, "name of metadata entry #0: is empty (byte 24)");
  expect_message(Raw(0, 1).text(std::string(65536, 'k')).pad(32).data, "name length of metadata entry #0: is 65536");
  expect_message(Raw(0, 1).entry(std::string(65535, 'k'), ValueType::kBool).raw("\1").data, "no error");
  for (const std::string key : {"a\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    expect_message(Raw(0, 1).text(key).pad(32).data, "is not valid UTF-8 (byte 32)");
  }
  expect_message(Raw(0, 1).text("a\x1b[2J").pad(32).data, "'a\\x1b[2J' holds a control character (byte 32)");
  Raw twice(0, 2);
  twice.entry("k", ValueType::kU8).raw("1").entry("k", ValueType::kI8).raw("2");
  expect_message(twice.data, "metadata key 'k' occurs twice (values at byte 37 and byte 51)");
}

TEST(HostileGguf, Values) {
  expect_message(Raw(0, 1).text("k").u32(13).pad(8).data, "type of metadata key 'k': unknown value type 13 (byte 33)");
  expect_message(Raw(0, 1).text("k").u32(UINT32_MAX).pad(8).data, "unknown value type 4294967295");
  expect_message(Raw(0, 1).entry("k", ValueType::kArray).u32(99).u64(0).data,
                 "element type of metadata key 'k': unknown value type 99 (byte 37)");
  expect_message(Raw(0, 1).entry("k", ValueType::kBool).raw("\2").data,
                 "value of metadata key 'k': bool is 2, not 0 or 1 (byte 37)");
  Raw bools(0, 1);
  bools.entry("k", ValueType::kArray).u32(7).u64(3).raw(std::string_view("\0\1\xff", 3));
  expect_message(bools.data, "value of metadata key 'k': bool is 255, not 0 or 1 (byte 51)");
}

TEST(HostileGguf, NestedArrays) {
  const auto nested = [](int depth) {
    Raw file(0, 1);
    file.entry("k", ValueType::kArray);
    for (int i = 1; i < depth; ++i) file.u32(9).u64(1);
    return file.u32(0).u64(0).data;
  };
  expect_message(nested(8), "no error");
  expect_message(nested(9), "value of metadata key 'k': arrays are nested deeper than 8");
  expect_message(nested(100000), "value of metadata key 'k': arrays are nested deeper than 8");
}

TEST(HostileGguf, Alignment) {
  const auto aligned = [](uint32_t alignment) {
    return Raw(0, 1).entry("general.alignment", ValueType::kU32).u32(alignment).data;
  };
  for (const uint32_t good : {8u, 16u, 4096u, 1u << 31}) expect_message(aligned(good), "no error");
  for (const uint32_t bad : {0u, 1u, 4u, 33u, 48u, UINT32_MAX}) {
    expect_message(aligned(bad), "metadata key 'general.alignment' (byte 53): is " + std::to_string(bad));
  }
  expect_message(Raw(0, 1).entry("general.alignment", ValueType::kString).text("32").data,
                 "'general.alignment' (byte 53): has type string, expected u32");
}

TEST(HostileGguf, TensorShapes) {
  const auto shaped = [](std::vector<uint64_t> dims, uint32_t type = 0) {
    return Raw(1, 0).tensor("w", std::move(dims), type, 0).pad(4096).data;
  };
  expect_message(shaped({4}), "no error");
  expect_message(shaped({1, 1, 1, 1}), "no error");
  expect_message(shaped({}), "number of dimensions of tensor 'w': is 0, not 1 to 4 (byte 33)");
  expect_message(shaped({1, 1, 1, 1, 1}), "number of dimensions of tensor 'w': is 5, not 1 to 4 (byte 33)");
  expect_message(Raw(1, 0).text("w").u32(UINT32_MAX).pad(64).data, "number of dimensions of tensor 'w': is 4294967295");
  expect_message(shaped({4, 0}), "shape of tensor 'w': dimension 1 is 0 (byte 45)");
  expect_message(shaped({UINT64_MAX, 2}), "shape of tensor 'w': too many elements (byte 45)");
  expect_message(shaped({1ull << 32, 1ull << 31, 2}), "shape of tensor 'w': too many elements (byte 53)");
  expect_message(shaped({1ull << 63}), "shape of tensor 'w': too many bytes (byte 37)");
  expect_message(shaped({1ull << 61}), "offset of tensor 'w': the data ends");
  expect_message(shaped({33}, 8),
                 "shape of tensor 'w': row length 33 is not a multiple of 32, the block of type 8 (byte 37)");
  expect_message(shaped({4}, 99), "type of tensor 'w': unknown tensor type 99 (byte 45)");
  expect_message(shaped({4}, UINT32_MAX), "unknown tensor type 4294967295");
}

TEST(HostileGguf, TensorPlaces) {
  const auto placed = [](uint64_t first, uint64_t second) {
    return Raw(2, 0).tensor("a", {16}, 0, first).tensor("b", {16}, 0, second).pad(128).data;
  };
  expect_message(placed(0, 64), "no error");
  expect_message(placed(64, 0), "no error");
  expect_message(placed(0, 65), "offset of tensor 'b': 65 is not a multiple of the alignment 32 (byte 82)");
  expect_message(placed(0, 0), "offset of tensor 'b': the data overlaps that of tensor 'a' (byte 82)");
  expect_message(placed(32, 64), "offset of tensor 'b': the data overlaps that of tensor 'a'");
  expect_message(placed(64, 32), "offset of tensor 'a': the data overlaps that of tensor 'b' (byte 49)");
  expect_message(placed(0, 96), "offset of tensor 'b': the data ends at byte 256, the file has 224 bytes (byte 82)");
  expect_message(placed(0, UINT64_MAX - 31), "offset of tensor 'b': the data ends beyond 2^64 bytes");
  expect_message(placed(0, UINT64_MAX - 31 - 96), "offset of tensor 'b': the data ends beyond 2^64 bytes");
  Raw twice(2, 0);
  twice.tensor("a", {16}, 0, 0).tensor("a", {16}, 0, 64).pad(128);
  expect_message(twice.data, "tensor 'a' occurs twice");
  expect_message(Raw(1, 0).tensor("", {16}, 0, 0).pad(64).data, "name of tensor #0: is empty (byte 24)");
}

// Every prefix of a file: an error, or all of it was there but padding.
TEST(HostileGguf, TruncatedAtEveryByte) {
  for (const auto& file : {sample::small(), sample::all_types()}) {
    const GgufFile whole = GgufFile::open_memory(file, type_size);
    uint64_t end = 0;
    for (const TensorInfo& tensor : whole.tensors()) end = std::max(end, tensor.offset + tensor.bytes);
    for (size_t length = 0; length < file.size(); ++length) {
      const std::vector<uint8_t> prefix(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
      const std::string text = message(prefix);
      EXPECT_EQ(text == "no error", length >= end) << length << ": " << text;
      EXPECT_TRUE(length >= end || text.find("byte") != std::string::npos) << text;
    }
  }
}

void walk(const Value& value, uint64_t& total) {
  for (const uint8_t byte : value.encoded()) total += byte;
  for (const Value element : value.elements()) walk(element, total);
  if (const auto strings = value.strings()) {
    for (std::string_view text : *strings) total += text.size();
  }
}

void walk(const GgufFile& file, uint64_t& total) {
  for (const MetadataEntry& entry : file.metadata().entries()) walk(entry.value, total);
  for (const TensorInfo& tensor : file.tensors()) {
    for (const uint8_t byte : file.tensor_data(tensor)) total += byte;
  }
}

// Every byte changed: an Error or a file that can be read in full (the sanitizers watch).
TEST(HostileGguf, FlippedBytes) {
  uint64_t total = 0;
  int loaded = 0;
  int refused = 0;
  for (auto file : {sample::small(), sample::all_types()}) {
    for (size_t at = 0; at < file.size(); ++at) {
      const uint8_t before = file[at];
      for (const int change : {0x01, 0x02, 0x08, 0x20, 0x80, 0xff, -1, -2}) {
        file[at] = change == -1 ? uint8_t{0} : change == -2 ? uint8_t{0xff} : static_cast<uint8_t>(before ^ change);
        try {
          walk(GgufFile::open_memory(file, type_size), total);
          ++loaded;
        } catch (const Error&) {
          ++refused;
        }
      }
      file[at] = before;
    }
  }
  EXPECT_GT(loaded, 100);
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace vivace
