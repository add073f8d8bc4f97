#include "models/model_file.h"

namespace vivace {

GgufFile open_model_file(const std::filesystem::path& path, AccessMode mode) {
  const TensorTypeLookup lookup = [](uint32_t ggml_type) -> std::optional<TensorTypeSize> {
    const FormatRow* row = find_format(ggml_type);
    if (!row) return std::nullopt;
    return TensorTypeSize{row->block_columns, row->block_bytes};
  };
  return GgufFile::open(path, lookup, mode);
}

}  // namespace vivace
