// One row of a GGUF tensor directory, and the sizes of tensor types, which come from the caller.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vivace {

/// How a ggml type stores values: blocks of `block_columns` values in `block_bytes` bytes.
struct TensorTypeSize {
  uint32_t block_columns;
  uint32_t block_bytes;
};

/// The sizes of a ggml type id, or nothing where it is unknown.
using TensorTypeLookup = std::optional<TensorTypeSize> (*)(uint32_t ggml_type);

struct TensorInfo {
  std::string name;
  std::vector<uint64_t> dims;  // 1 to 4; dims[0] is the row length, the fastest to vary
  uint32_t ggml_type = 0;
  uint64_t offset = 0;  // absolute, in its file
  uint64_t bytes = 0;
  uint32_t file_index = 0;  // in GgufFile::files()

  /// Product of dims; checked for overflow when the file was opened.
  uint64_t elements() const {
    uint64_t product = 1;
    for (uint64_t dim : dims) product *= dim;
    return product;
  }
};

}  // namespace vivace
