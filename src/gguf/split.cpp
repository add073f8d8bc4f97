// Names and keys of split models.
#include "gguf/split.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace vivace {
namespace {

constexpr const char* kNumberKey = "split.no";
constexpr const char* kCountKey = "split.count";
constexpr const char* kTensorsKey = "split.tensors.count";

std::string digits(uint32_t number) {
  const std::string text = std::to_string(number);
  return text.size() < 5 ? std::string(5 - text.size(), '0') + text : text;
}

std::string suffix(uint32_t index, uint32_t count) {
  return "-" + digits(index + 1) + "-of-" + digits(count) + ".gguf";
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

uint32_t split_count(const Metadata& metadata) {
  constexpr uint32_t kMaxParts = 65535;  // the key is a u16 by its definition
  const uint32_t count = metadata.find_u32(kCountKey).value_or(1);
  if (count > kMaxParts) throw metadata.error(kCountKey, "is " + std::to_string(count) + ", at most 65535 is allowed");
  return count == 0 ? 1 : count;
}

void check_first_part(const Metadata& metadata, const std::filesystem::path& path, uint32_t count) {
  const uint32_t number = metadata.get_u32(kNumberKey);
  const std::string name = path.filename().string();
  if (number >= count) throw metadata.error(kNumberKey, "is " + std::to_string(number) + ", beyond split.count");
  if (number != 0) {
    const std::string end = suffix(number, count);
    std::string first = "the first file of the model";
    if (ends_with(name, end)) first = name.substr(0, name.size() - end.size()) + suffix(0, count);
    throw Error(ErrorCode::kInvalidArgument,
                "'" + path.string() + "' is file " + std::to_string(number + 1) + " of " + std::to_string(count) +
                    " of a split model",
                "Open " + first + ".");
  }
  if (!ends_with(name, suffix(0, count))) {
    throw metadata.error(kCountKey, "is " + std::to_string(count) + ", but the file name doesn't end in '" +
                                        suffix(0, count) + "', so the others can't be found");
  }
}

void check_later_part(const Metadata& metadata, uint32_t index, uint32_t count) {
  const uint32_t number = metadata.get_u32(kNumberKey);
  if (number != index) {
    throw metadata.error(kNumberKey, "is " + std::to_string(number) + ", expected " + std::to_string(index));
  }
  const uint32_t own_count = metadata.get_u32(kCountKey);
  if (own_count != count) {
    throw metadata.error(kCountKey,
                         "is " + std::to_string(own_count) + ", the first file says " + std::to_string(count));
  }
}

void check_part_count(const Metadata& first, size_t given) {
  const uint32_t count = split_count(first);
  if (count == given && (count == 1 || first.get_u32(kNumberKey) == 0)) return;
  if (count == given) throw first.error(kNumberKey, "is not 0, the first file's");
  throw Error(ErrorCode::kInvalidFile, "GGUF in memory: " + std::string(kCountKey) + " says " + std::to_string(count) +
                                           " files, " + std::to_string(given) + " given");
}

void check_tensor_total(const Metadata& first, size_t tensors) {
  const auto expected = first.find_u64(kTensorsKey);
  if (!expected || *expected == tensors) return;
  throw first.error(kTensorsKey, "is " + std::to_string(*expected) + ", the files hold " + std::to_string(tensors));
}

SplitName parse_split_name(const std::string& stem) {
  constexpr size_t kTail = std::string_view("-00001-of-00005").size();
  if (stem.size() <= kTail) return {stem};
  const std::string tail = stem.substr(stem.size() - kTail);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (tail[0] != '-' || tail.substr(6, 4) != "-of-" || !std::all_of(tail.begin() + 1, tail.begin() + 6, is_digit) ||
      !std::all_of(tail.begin() + 10, tail.end(), is_digit)) {
    return {stem};
  }
  return {stem.substr(0, stem.size() - kTail), std::stoi(tail.substr(1, 5)), std::stoi(tail.substr(10))};
}

std::filesystem::path split_path(const std::filesystem::path& first, uint32_t index, uint32_t count) {
  std::string name = first.filename().string();
  name.resize(name.size() - suffix(0, count).size());
  return first.parent_path() / (name + suffix(index, count));
}

}  // namespace vivace
