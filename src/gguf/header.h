// Parses the header of one GGUF file: version, metadata, tensor directory. Works on bytes in memory and trusts none.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gguf/metadata.h"
#include "gguf/tensor_info.h"

namespace vivace {

constexpr uint32_t kDefaultAlignment = 32;
constexpr uint32_t kMaxTensorDims = 4;
constexpr uint32_t kMaxNameBytes = 65535;                // of keys and tensor names
constexpr uint32_t kMaxArrayDepth = 8;                   // arrays of arrays
constexpr uint64_t kMaxHeaderBytes = uint64_t{1} << 30;  // real ones stay below 50 MB

struct Header {
  uint32_t version = 0;
  uint32_t alignment = kDefaultAlignment;
  Metadata metadata;  // views into the parsed bytes
  std::vector<TensorInfo> tensors;
  uint64_t header_bytes = 0;  // up to the end of the tensor directory
  uint64_t data_offset = 0;   // header_bytes rounded up to the alignment
};

/// Parses the header at the start of `available`, the first bytes of a file of `file_bytes` bytes. The result refers to
/// `available`. `check_extents`: tensors must also lie inside the file.
/// Throws Error kInvalidFile or kUnsupported (version 1) naming field and byte, MoreBytesNeeded where `available` ends
/// inside the header and the file does not.
Header parse_header(const std::string& origin, std::span<const uint8_t> available, uint64_t file_bytes,
                    TensorTypeLookup lookup, bool check_extents);

}  // namespace vivace
