// Opens a GGUF file with this build's table of weight formats.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "gguf/gguf.h"
#include "quant/formats.h"

namespace vivace {

/// Throws Error as GgufFile::open does.
GgufFile open_model_file(const std::filesystem::path& path, AccessMode mode = AccessMode::kRead);

/// A file of which the beginning alone may be there: metadata and tensor directory.
GgufFile open_model_header(const std::filesystem::path& path);

/// What tells a model file from others without reading it all: its size, beginning and end. Throws Error kIo,
/// kNotFound.
std::string model_fingerprint(const std::filesystem::path& path);

/// A whole file in memory, which must outlive the result.
GgufFile open_model_memory(std::span<const uint8_t> bytes);

}  // namespace vivace
