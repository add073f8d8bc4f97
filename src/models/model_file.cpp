#include "models/model_file.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "base/fnv_hash.h"
#include "base/os/file.h"

namespace vivace {
namespace {

std::optional<TensorTypeSize> size_of_type(uint32_t ggml_type) {
  const FormatRow* row = find_format(ggml_type);
  if (!row) return std::nullopt;
  return TensorTypeSize{row->block_columns, row->block_bytes};
}

}  // namespace

GgufFile open_model_file(const std::filesystem::path& path, AccessMode mode) {
  return GgufFile::open(path, size_of_type, mode);
}

GgufFile open_model_header(const std::filesystem::path& path) { return GgufFile::open_header(path, size_of_type); }

std::string model_fingerprint(const std::filesystem::path& path) {
  constexpr size_t kPiece = size_t{1} << 20;  // the metadata, and some of the last tensor
  const File file = File::open(path);
  const uint64_t size = file.size_now();
  std::vector<uint8_t> bytes(std::min<uint64_t>(kPiece, size));
  file.pread_exact(0, bytes);
  const uint64_t beginning = fnv_hash(bytes);
  file.pread_exact(size - bytes.size(), bytes);
  const uint64_t hash = fnv_hash(bytes, beginning);
  char text[48];
  std::snprintf(text, sizeof(text), "%016llx-%llu", static_cast<unsigned long long>(hash),
                static_cast<unsigned long long>(size));
  return text;
}

GgufFile open_model_memory(std::span<const uint8_t> bytes) { return GgufFile::open_memory(bytes, size_of_type); }

}  // namespace vivace
