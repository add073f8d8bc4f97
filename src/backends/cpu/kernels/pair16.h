// Operands of the shims' dot16().
#pragma once

#include <cstdint>

namespace vivace::VIVACE_ISA {

/// Two int16 as they lie in a dword.
constexpr int32_t pair16(int32_t low, int32_t high) {
  return static_cast<int32_t>((static_cast<uint32_t>(low) & 0xFFFFu) | static_cast<uint32_t>(high) << 16);
}

}  // namespace vivace::VIVACE_ISA
