#include "models/model_file.h"

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

GgufFile open_model_memory(std::span<const uint8_t> bytes) { return GgufFile::open_memory(bytes, size_of_type); }

}  // namespace vivace
