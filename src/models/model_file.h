// Opens a GGUF file with this build's table of weight formats.
#pragma once

#include <filesystem>

#include "gguf/gguf.h"
#include "quant/formats.h"

namespace vivace {

/// Throws Error as GgufFile::open does.
GgufFile open_model_file(const std::filesystem::path& path, AccessMode mode = AccessMode::kRead);

}  // namespace vivace
