// The quantisation mix that a file says it has (general.file_type), as people write it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace vivace {

/// "Q4_K_M" and so on; "unknown" where the file doesn't say or the number is new.
std::string file_type_name(std::optional<uint32_t> file_type);

}  // namespace vivace
