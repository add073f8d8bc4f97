// A fast hash of bytes that tells files apart; not against those who want them alike.
#pragma once

#include <cstdint>
#include <span>

namespace vivace {

/// FNV-1a of 64 bits; `hash`: of what came before.
inline uint64_t fnv_hash(std::span<const uint8_t> bytes, uint64_t hash = 0xCBF29CE484222325u) {
  for (const uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001B3u;
  return hash;
}

}  // namespace vivace
