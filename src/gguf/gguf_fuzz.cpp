// libFuzzer target: parses bytes as a GGUF file and walks everything that it then offers. Given an empty folder as its
// corpus it first fills that with samples: `mkdir corpus && gguf_fuzz corpus`.
// Input beginning with 'S' is a model in two files: 'S', u16 length of the first, both files.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/os/file.h"
#include "gguf/gguf.h"
#include "gguf/sample_files.h"

namespace {

using vivace::GgufFile;
using vivace::Value;

void require(bool condition) {
  if (!condition) std::abort();
}

uint64_t sum(std::string_view text) {
  uint64_t total = 0;
  for (char c : text) total += static_cast<uint8_t>(c);
  return total;
}

uint64_t walk(const Value& value) {
  uint64_t total = value.integer<uint32_t>().value_or(0) + value.integer<int8_t>().has_value();
  total += value.number().has_value() + value.boolean().value_or(false) + sum(value.string().value_or(""));
  uint64_t elements = 0;
  for (const Value element : value.elements()) {
    total += walk(element);
    ++elements;
  }
  require(!value.is_array() || elements == value.size());
  if (const auto strings = value.strings()) {
    for (std::string_view text : *strings) total += sum(text);
  }
  if (const auto packed = value.packed<float>()) {
    for (size_t i = 0; i < packed->size(); ++i) total += (*packed)[i] > 0;
  }
  if (const auto integers = value.integers<int64_t>()) total += integers->size();
  if (const auto numbers = value.numbers()) total += numbers->size();
  return total;
}

uint64_t walk(const GgufFile& file) {
  uint64_t total = 0;
  for (const vivace::MetadataEntry& entry : file.metadata().entries()) {
    require(file.metadata().find(entry.key) == &entry.value);
    total += sum(entry.key) + walk(entry.value);
  }
  for (const vivace::TensorInfo& tensor : file.tensors()) {
    require(file.find_tensor(tensor.name) == &tensor);
    require(tensor.elements() != 0 && tensor.bytes != 0);
    if (!file.has_mapped_data()) continue;
    const auto data = file.tensor_data(tensor);
    for (uint8_t byte : data) total += byte;
    std::vector<uint8_t> copy(data.size());
    file.read_tensor(tensor, 0, copy);
    require(std::equal(copy.begin(), copy.end(), data.begin()));
  }
  return total;
}

template <class Action>
void attempt(Action action) {
  try {
    action();
  } catch (const vivace::Error&) {
  }
}

void write_seeds(const std::filesystem::path& folder) {
  namespace sample = vivace::sample;
  vivace::write_file_atomic(folder / "all_types", sample::all_types());
  vivace::write_file_atomic(folder / "small", sample::small());
  vivace::write_file_atomic(folder / "vocabulary_only", sample::vocabulary_only());
  const auto first = sample::split_part(0);
  const auto second = sample::split_part(1);
  std::vector<uint8_t> both = {'S', static_cast<uint8_t>(first.size()), static_cast<uint8_t>(first.size() >> 8)};
  both.insert(both.end(), first.begin(), first.end());
  both.insert(both.end(), second.begin(), second.end());
  vivace::write_file_atomic(folder / "split", both);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  for (int i = 1; i < *argc; ++i) {
    const std::filesystem::path path((*argv)[i]);
    if (std::filesystem::is_directory(path) && std::filesystem::is_empty(path)) write_seeds(path);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> bytes(data, size);
  volatile uint64_t total = 0;  // keeps the walks from being optimised away
  if (size >= 3 && data[0] == 'S') {
    const size_t first = std::min<size_t>(data[1] | data[2] << 8, size - 3);
    const std::array<std::span<const uint8_t>, 2> parts = {bytes.subspan(3, first), bytes.subspan(3 + first)};
    attempt([&] { total = walk(GgufFile::open_memory(parts, vivace::sample::type_size)); });
    return 0;
  }
  attempt([&] { total = walk(GgufFile::open_memory(bytes, vivace::sample::type_size)); });
  attempt([&] {
    const auto header = GgufFile::open_header_memory(bytes, vivace::sample::type_size);
    if (header) total = walk(*header);
  });
  return 0;
}
