// The header parser: every length, count and offset is checked against the file's size before it is used.
#include "gguf/header.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "base/error.h"
#include "gguf/cursor.h"

namespace vivace {
namespace {

constexpr uint32_t kMagic = 0x46554747;                      // "GGUF"
constexpr uint32_t kSwappedMagic = 0x47475546;               // "FUGG"
constexpr uint64_t kMinEntryBytes = 8 + 1 + 4 + 1;           // key length, key, type, value
constexpr uint64_t kMinTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;  // name length, name, dims, one dim, type, offset

constexpr const char* kEntry = "metadata entry";
constexpr const char* kKey = "metadata key";
constexpr const char* kTensor = "tensor";

uint32_t byte_swapped(uint32_t v) { return v >> 24 | (v >> 8 & 0xFF00) | (v << 8 & 0xFF0000) | v << 24; }

bool multiply(uint64_t a, uint64_t b, uint64_t& product) { return !__builtin_mul_overflow(a, b, &product); }

class HeaderParser {
 public:
  HeaderParser(const std::string& origin, std::span<const uint8_t> available, uint64_t file_bytes,
               TensorTypeLookup lookup)
      : origin_(origin), cursor_(origin, available, file_bytes), lookup_(lookup) {}

  Header parse(bool check_extents) {
    prologue();
    metadata();
    alignment();
    tensors();
    header_.header_bytes = cursor_.position();
    place_tensors(check_extents);
    return std::move(header_);
  }

 private:
  void prologue();
  void metadata();
  void alignment();
  void tensors();
  MetadataEntry entry(uint64_t number);
  TensorInfo tensor(uint64_t number);
  void tensor_size(TensorInfo& info, uint64_t dims_at, uint64_t type_at);
  void place_tensors(bool check_extents);
  void check_overlaps(const std::vector<uint64_t>& offset_fields) const;
  std::string_view name(const char* kind, uint64_t number);
  ValueType value_type(const Field& field);
  void skip_value(ValueType type, std::string_view key);
  void skip_array(std::string_view key, uint32_t depth);
  void skip_strings(uint64_t count, std::string_view key);
  void check_bools(const uint8_t* first, uint64_t count, std::string_view key);

  const std::string& origin_;
  Cursor cursor_;
  TensorTypeLookup lookup_;
  Header header_;
  uint64_t entry_count_ = 0;
  uint64_t tensor_count_ = 0;
  std::vector<uint64_t> offset_fields_;  // where each tensor's offset lies in the header
};

void HeaderParser::prologue() {
  const auto magic = cursor_.read<uint32_t>({"magic"});
  if (magic == kSwappedMagic) cursor_.fail({"magic"}, 0, "the file is big-endian, only little-endian is read");
  if (magic != kMagic) cursor_.fail({"magic"}, 0, "the file does not begin with 'GGUF'");
  header_.version = cursor_.read<uint32_t>({"version"});
  if (header_.version != 2 && header_.version != 3) {
    const uint32_t swapped = byte_swapped(header_.version);
    if (swapped >= 1 && swapped <= 0xFFFF) {
      cursor_.fail({"version"}, 4, "the file is big-endian, only little-endian is read");
    }
    throw Error(ErrorCode::kUnsupported,
                origin_ + ": version: is " + std::to_string(header_.version) + ", supported are 2 and 3 (byte 4)",
                header_.version == 1 ? "Convert the model again with a current tool." : "");
  }
  tensor_count_ = cursor_.read<uint64_t>({"tensor count"});
  entry_count_ = cursor_.read<uint64_t>({"metadata count"});
  // The directory comes last, so both counts are bounded by what is left; checked before anything is allocated.
  const auto bounded = [&](const char* field, uint64_t at, uint64_t count, uint64_t min_bytes) {
    if (count <= cursor_.remaining() / min_bytes) return;
    cursor_.fail({field}, at,
                 std::to_string(count) + " can't fit in the " + std::to_string(cursor_.remaining()) +
                     " bytes that are left of the file");
  };
  bounded("tensor count", 8, tensor_count_, kMinTensorBytes);
  bounded("metadata count", 16, entry_count_, kMinEntryBytes);
}

std::string_view HeaderParser::name(const char* kind, uint64_t number) {
  const uint64_t at = cursor_.position();
  const auto length = cursor_.read<uint64_t>({"name length", kind, {}, number});
  if (length == 0) cursor_.fail({"name", kind, {}, number}, at, "is empty");
  if (length > kMaxNameBytes) {
    cursor_.fail({"name length", kind, {}, number}, at, "is " + std::to_string(length) + ", at most 65535 is allowed");
  }
  const uint8_t* start = cursor_.take(length, {"name", kind, {}, number});
  const std::string_view text(reinterpret_cast<const char*>(start), static_cast<size_t>(length));
  if (!is_utf8(text)) cursor_.fail({"name", kind, {}, number}, at + 8, quote_name(text) + " is not valid UTF-8");
  const bool control = std::any_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x20; });
  if (control) cursor_.fail({"name", kind, {}, number}, at + 8, quote_name(text) + " holds a control character");
  return text;
}

ValueType HeaderParser::value_type(const Field& field) {
  const uint64_t at = cursor_.position();
  const auto id = cursor_.read<uint32_t>(field);
  if (id >= kValueTypeCount) cursor_.fail(field, at, "unknown value type " + std::to_string(id));
  return static_cast<ValueType>(id);
}

void HeaderParser::check_bools(const uint8_t* first, uint64_t count, std::string_view key) {
  const uint8_t* bad = std::find_if(first, first + count, [](uint8_t byte) { return byte > 1; });
  if (bad == first + count) return;
  const uint64_t at = cursor_.position() - count + static_cast<uint64_t>(bad - first);
  cursor_.fail({"value", kKey, key}, at, "bool is " + std::to_string(*bad) + ", not 0 or 1");
}

void HeaderParser::skip_strings(uint64_t count, std::string_view key) {
  for (uint64_t i = 0; i < count; ++i) {
    const auto length = cursor_.read<uint64_t>({"string length", kKey, key});
    cursor_.take(length, {"string", kKey, key});
  }
}

void HeaderParser::skip_array(std::string_view key, uint32_t depth) {
  if (depth > kMaxArrayDepth) {
    cursor_.fail({"value", kKey, key}, cursor_.position(), "arrays are nested deeper than 8");
  }
  const ValueType type = value_type({"element type", kKey, key});
  const uint64_t at = cursor_.position();
  const auto count = cursor_.read<uint64_t>({"array length", kKey, key});
  const size_t width = value_type_bytes(type);
  const uint64_t min_bytes = width != 0 ? width : type == ValueType::kString ? 8 : 12;
  if (count > cursor_.remaining() / min_bytes) {
    cursor_.fail({"array length", kKey, key}, at,
                 std::to_string(count) + " elements can't fit in the " + std::to_string(cursor_.remaining()) +
                     " bytes that are left of the file");
  }
  if (type == ValueType::kString) return skip_strings(count, key);
  if (type == ValueType::kArray) {
    for (uint64_t i = 0; i < count; ++i) skip_array(key, depth + 1);
    return;
  }
  const uint8_t* first = cursor_.take(count * width, {"value", kKey, key});
  if (type == ValueType::kBool) check_bools(first, count, key);
}

void HeaderParser::skip_value(ValueType type, std::string_view key) {
  if (type == ValueType::kArray) return skip_array(key, 1);
  if (type == ValueType::kString) return skip_strings(1, key);
  const uint8_t* value = cursor_.take(value_type_bytes(type), {"value", kKey, key});
  if (type == ValueType::kBool) check_bools(value, 1, key);
}

MetadataEntry HeaderParser::entry(uint64_t number) {
  const std::string_view key = name(kEntry, number);
  const ValueType type = value_type({"type", kKey, key});
  const uint64_t at = cursor_.position();
  const uint8_t* start = cursor_.here();
  skip_value(type, key);
  return {key, Value(type, {start, static_cast<size_t>(cursor_.position() - at)}, at)};
}

void HeaderParser::metadata() {
  std::vector<MetadataEntry> entries;
  entries.reserve(static_cast<size_t>(std::min(entry_count_, cursor_.at_hand() / kMinEntryBytes)));
  for (uint64_t i = 0; i < entry_count_; ++i) entries.push_back(entry(i));
  header_.metadata = Metadata(origin_, std::move(entries));
}

void HeaderParser::alignment() {
  const auto alignment = header_.metadata.find_u32("general.alignment");
  if (!alignment) return;
  // At least 8, as the format document asks: tensor data is read in place.
  if (*alignment < 8 || !std::has_single_bit(*alignment)) {
    throw header_.metadata.error("general.alignment",
                                 "is " + std::to_string(*alignment) + ", expected a power of two of at least 8");
  }
  header_.alignment = *alignment;
}

void HeaderParser::tensor_size(TensorInfo& info, uint64_t dims_at, uint64_t type_at) {
  const Field shape{"shape", kTensor, info.name};
  uint64_t elements = 1;
  for (size_t i = 0; i < info.dims.size(); ++i) {
    if (info.dims[i] == 0) cursor_.fail(shape, dims_at + 8 * i, "dimension " + std::to_string(i) + " is 0");
    if (!multiply(elements, info.dims[i], elements)) cursor_.fail(shape, dims_at + 8 * i, "too many elements");
  }
  const auto size = lookup_(info.ggml_type);
  if (!size) {
    cursor_.fail({"type", kTensor, info.name}, type_at, "unknown tensor type " + std::to_string(info.ggml_type));
  }
  if (info.dims[0] % size->block_columns != 0) {
    cursor_.fail(shape, dims_at,
                 "row length " + std::to_string(info.dims[0]) + " is not a multiple of " +
                     std::to_string(size->block_columns) + ", the block of type " + std::to_string(info.ggml_type));
  }
  if (!multiply(elements / size->block_columns, size->block_bytes, info.bytes)) {
    cursor_.fail(shape, dims_at, "too many bytes");
  }
}

TensorInfo HeaderParser::tensor(uint64_t number) {
  TensorInfo info;
  info.name = name(kTensor, number);
  const uint64_t count_at = cursor_.position();
  const auto dims = cursor_.read<uint32_t>({"number of dimensions", kTensor, info.name});
  if (dims == 0 || dims > kMaxTensorDims) {
    cursor_.fail({"number of dimensions", kTensor, info.name}, count_at, "is " + std::to_string(dims) + ", not 1 to 4");
  }
  const uint64_t dims_at = cursor_.position();
  info.dims.resize(dims);
  for (uint64_t& dim : info.dims) dim = cursor_.read<uint64_t>({"shape", kTensor, info.name});
  const uint64_t type_at = cursor_.position();
  info.ggml_type = cursor_.read<uint32_t>({"type", kTensor, info.name});
  tensor_size(info, dims_at, type_at);
  const uint64_t offset_at = cursor_.position();
  info.offset = cursor_.read<uint64_t>({"offset", kTensor, info.name});
  if (info.offset % header_.alignment != 0) {
    cursor_.fail(
        {"offset", kTensor, info.name}, offset_at,
        std::to_string(info.offset) + " is not a multiple of the alignment " + std::to_string(header_.alignment));
  }
  offset_fields_.push_back(offset_at);
  return info;
}

void HeaderParser::tensors() {
  // Reserved only for rows that are at hand: a row in memory is about five times its least size in the file.
  const uint64_t rows = std::min(tensor_count_, cursor_.at_hand() / kMinTensorBytes);
  header_.tensors.reserve(static_cast<size_t>(rows));
  offset_fields_.reserve(static_cast<size_t>(rows));
  for (uint64_t i = 0; i < tensor_count_; ++i) header_.tensors.push_back(tensor(i));
}

// Makes the offsets absolute and checks where the data lies.
void HeaderParser::place_tensors(bool check_extents) {
  const uint64_t alignment = header_.alignment;
  header_.data_offset = (header_.header_bytes + alignment - 1) / alignment * alignment;
  for (size_t i = 0; i < header_.tensors.size(); ++i) {
    TensorInfo& info = header_.tensors[i];
    const Field field{"offset", kTensor, info.name};
    uint64_t end = 0;
    if (__builtin_add_overflow(info.offset, header_.data_offset, &info.offset) ||
        __builtin_add_overflow(info.offset, info.bytes, &end)) {
      cursor_.fail(field, offset_fields_[i], "the data ends beyond 2^64 bytes");
    }
    if (check_extents && end > cursor_.file_bytes()) {
      cursor_.fail(field, offset_fields_[i],
                   "the data ends at byte " + std::to_string(end) + ", the file has " +
                       std::to_string(cursor_.file_bytes()) + " bytes");
    }
  }
  check_overlaps(offset_fields_);
}

void HeaderParser::check_overlaps(const std::vector<uint64_t>& offset_fields) const {
  const auto& tensors = header_.tensors;
  std::vector<uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return tensors[a].offset != tensors[b].offset ? tensors[a].offset < tensors[b].offset : a < b;
  });
  for (size_t i = 1; i < order.size(); ++i) {
    const TensorInfo& before = tensors[order[i - 1]];
    const TensorInfo& after = tensors[order[i]];
    if (after.offset - before.offset >= before.bytes) continue;
    cursor_.fail({"offset", kTensor, after.name}, offset_fields[order[i]],
                 "the data overlaps that of tensor " + quote_name(before.name));
  }
}

}  // namespace

Header parse_header(const std::string& origin, std::span<const uint8_t> available, uint64_t file_bytes,
                    TensorTypeLookup lookup, bool check_extents) {
  return HeaderParser(origin, available, file_bytes, lookup).parse(check_extents);
}

}  // namespace vivace
