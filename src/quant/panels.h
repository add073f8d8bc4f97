// The 16-row panels of the formats that have one: how the bytes of a block are ordered in a panel. A panel is described
// in two steps: `arrange` permutes the bits of one row's block into "panel order", then the pieces of `kFields` are
// interleaved over the 16 rows. README.md shows the resulting byte order of every format.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "quant/formats.h"
#include "quant/layout.h"

namespace vivace {

namespace panel_bits {

inline uint32_t load32(const uint8_t* from) {
  uint32_t value;
  std::memcpy(&value, from, 4);
  return value;
}
inline uint64_t load64(const uint8_t* from) {
  uint64_t value;
  std::memcpy(&value, from, 8);
  return value;
}
inline void store32(uint8_t* to, uint32_t value) { std::memcpy(to, &value, 4); }
inline void store64(uint8_t* to, uint64_t value) { std::memcpy(to, &value, 8); }

constexpr uint64_t kLowNibbles = 0x0F0F0F0F0F0F0F0Full;

/// 32 bytes that hold columns l (low nibbles) and 32 + l (high nibbles), to two times 16 bytes that hold columns l
/// (low) and 16 + l (high): the first 32 columns to `first`, the others to `second`.
inline void pair_nibbles(const uint8_t* from, uint8_t* first, uint8_t* second) {
  for (int i = 0; i < 16; i += 8) {
    const uint64_t near = load64(from + i), far = load64(from + 16 + i);
    store64(first + i, (near & kLowNibbles) | ((far & kLowNibbles) << 4));
    store64(second + i, ((near >> 4) & kLowNibbles) | (far & ~kLowNibbles));
  }
}

inline void unpair_nibbles(const uint8_t* first, const uint8_t* second, uint8_t* to) {
  for (int i = 0; i < 16; i += 8) {
    const uint64_t a = load64(first + i), b = load64(second + i);
    store64(to + i, (a & kLowNibbles) | ((b & kLowNibbles) << 4));
    store64(to + 16 + i, ((a >> 4) & kLowNibbles) | (b & ~kLowNibbles));
  }
}

/// Transposes 4 words of 2-bit fields per byte: field i of byte b of out[j] is field j of byte b of in[i]. Its own
/// inverse.
inline void transpose_pairs(std::array<uint32_t, 4>& words) {
  auto swap = [](uint32_t& a, uint32_t& b, int shift, uint32_t mask) {
    const uint32_t change = ((a >> shift) ^ b) & mask;
    b ^= change;
    a ^= change << shift;
  };
  swap(words[0], words[2], 4, 0x0F0F0F0Fu);
  swap(words[1], words[3], 4, 0x0F0F0F0Fu);
  swap(words[0], words[1], 2, 0x33333333u);
  swap(words[2], words[3], 2, 0x33333333u);
}

/// Transposes an 8 x 8 bit matrix: bit i of byte j becomes bit j of byte i. Its own inverse.
inline uint64_t transpose_bits(uint64_t matrix) {
  auto step = [](uint64_t value, int shift, uint64_t mask) {
    const uint64_t change = ((value >> shift) ^ value) & mask;
    return value ^ change ^ (change << shift);
  };
  matrix = step(matrix, 7, 0x00AA00AA00AA00AAull);
  matrix = step(matrix, 14, 0x0000CCCC0000CCCCull);
  return step(matrix, 28, 0x00000000F0F0F0F0ull);
}

/// Two-bit codes in the files' order (column 128h + 32j + l at bits 2j of byte 32h + l) against panel order: for group
/// 4h + j of 32 columns two words at to + group * stride, word w: bits 2i of byte b = column 16w + 4i + b.
inline void pair_codes2(const uint8_t* from, uint8_t* to, size_t stride) {
  for (size_t half = 0; half < 2; ++half) {
    for (size_t w = 0; w < 2; ++w) {
      std::array<uint32_t, 4> words;
      for (size_t i = 0; i < 4; ++i) words[i] = load32(from + 32 * half + 16 * w + 4 * i);
      transpose_pairs(words);
      for (size_t j = 0; j < 4; ++j) store32(to + (4 * half + j) * stride + 4 * w, words[j]);
    }
  }
}

inline void unpair_codes2(const uint8_t* from, size_t stride, uint8_t* to) {
  for (size_t half = 0; half < 2; ++half) {
    for (size_t w = 0; w < 2; ++w) {
      std::array<uint32_t, 4> words;
      for (size_t j = 0; j < 4; ++j) words[j] = load32(from + (4 * half + j) * stride + 4 * w);
      transpose_pairs(words);
      for (size_t i = 0; i < 4; ++i) store32(to + 32 * half + 16 * w + 4 * i, words[i]);
    }
  }
}

}  // namespace panel_bits

/// A panel of blocks as they are in the file: the fields say all. kColumns and kBytes are those of one row's piece of a
/// panel block.
template <Format kId, size_t kPieceColumns, size_t kPieceBytes, PanelField... kFieldList>
struct PlainPanel {
  static constexpr Format kFormat = kId;
  static constexpr size_t kColumns = kPieceColumns;
  static constexpr size_t kBytes = kPieceBytes;
  static constexpr std::array<PanelField, sizeof...(kFieldList)> kFields = {kFieldList...};
  static constexpr bool kArranged = false;
};

/// A panel whose blocks are permuted first; derived types have `arrange` (file to panel order) and `restore`.
template <Format kId, size_t kPieceBytes, PanelField... kFieldList>
struct ArrangedPanel : PlainPanel<kId, 256, kPieceBytes, kFieldList...> {
  static constexpr bool kArranged = true;
};

using PanelF32 = PlainPanel<Format::kF32, 1, 4, PanelField{0, 4, 1}>;
using PanelF16 = PlainPanel<Format::kF16, 2, 4, PanelField{0, 4, 1}>;
using PanelBF16 = PlainPanel<Format::kBF16, 2, 4, PanelField{0, 4, 1}>;
using PanelQ4_0 = PlainPanel<Format::kQ4_0, 32, 18, PanelField{0, 2, 1}, PanelField{2, 4, 4}>;
using PanelQ4_1 = PlainPanel<Format::kQ4_1, 32, 20, PanelField{0, 2, 1}, PanelField{2, 2, 1}, PanelField{4, 4, 4}>;
using PanelQ5_0 = PlainPanel<Format::kQ5_0, 32, 22, PanelField{0, 2, 1}, PanelField{2, 4, 5}>;
using PanelQ5_1 = PlainPanel<Format::kQ5_1, 32, 24, PanelField{0, 2, 1}, PanelField{2, 2, 1}, PanelField{4, 4, 5}>;
using PanelQ8_0 = PlainPanel<Format::kQ8_0, 32, 34, PanelField{0, 2, 1}, PanelField{2, 4, 8}>;
using PanelIQ4_NL = PlainPanel<Format::kIQ4_NL, 32, 18, PanelField{0, 2, 1}, PanelField{2, 4, 4}>;
using PanelIQ4_XS =
    PlainPanel<Format::kIQ4_XS, 256, 136, PanelField{0, 2, 1}, PanelField{2, 2, 1}, PanelField{4, 4, 33}>;
using PanelMXFP4 = PlainPanel<Format::kMXFP4, 32, 17, PanelField{0, 1, 1}, PanelField{1, 4, 4}>;

/// Panel order: d, dmin, 4 words of group scales, then per 32 columns 2 words of codes.
struct PanelQ2_K : ArrangedPanel<Format::kQ2_K, 84, PanelField{0, 2, 1}, PanelField{2, 2, 1}, PanelField{4, 4, 20}> {
  static void arrange(const uint8_t* block, uint8_t* panel) {
    std::memcpy(panel, block + 80, 4);
    std::memcpy(panel + 4, block, 16);
    panel_bits::pair_codes2(block + 16, panel + 20, 8);
  }
  static void restore(const uint8_t* panel, uint8_t* block) {
    std::memcpy(block + 80, panel, 4);
    std::memcpy(block, panel + 4, 16);
    panel_bits::unpair_codes2(panel + 20, 8, block + 16);
  }
};

/// Panel order: d, 3 words of scales, then per 32 columns 2 words of low bits and 1 of high bits (bit i of byte b =
/// column 4i + b).
struct PanelQ3_K : ArrangedPanel<Format::kQ3_K, 110, PanelField{0, 2, 1}, PanelField{2, 4, 27}> {
  static void arrange(const uint8_t* block, uint8_t* panel) {
    std::memcpy(panel, block + 108, 2);
    std::memcpy(panel + 2, block + 96, 12);
    panel_bits::pair_codes2(block + 32, panel + 14, 12);
    for (size_t b = 0; b < 4; ++b) {
      uint64_t bits = 0;
      for (size_t i = 0; i < 8; ++i) bits |= static_cast<uint64_t>(block[4 * i + b]) << (8 * i);
      bits = panel_bits::transpose_bits(bits);
      for (size_t group = 0; group < 8; ++group) {
        panel[22 + 12 * group + b] = static_cast<uint8_t>(bits >> (8 * group));
      }
    }
  }
  static void restore(const uint8_t* panel, uint8_t* block) {
    std::memcpy(block + 108, panel, 2);
    std::memcpy(block + 96, panel + 2, 12);
    panel_bits::unpair_codes2(panel + 14, 12, block + 32);
    for (size_t b = 0; b < 4; ++b) {
      uint64_t bits = 0;
      for (size_t group = 0; group < 8; ++group) {
        bits |= static_cast<uint64_t>(panel[22 + 12 * group + b]) << (8 * group);
      }
      bits = panel_bits::transpose_bits(bits);
      for (size_t i = 0; i < 8; ++i) block[4 * i + b] = static_cast<uint8_t>(bits >> (8 * i));
    }
  }
};

/// Panel order: d, dmin, 3 words of scales, then per 32 columns 4 words of nibbles.
struct PanelQ4_K : ArrangedPanel<Format::kQ4_K, 144, PanelField{0, 2, 1}, PanelField{2, 2, 1}, PanelField{4, 4, 35}> {
  static void arrange(const uint8_t* block, uint8_t* panel) {
    std::memcpy(panel, block, 16);
    for (size_t i = 16; i < 144; i += 32) panel_bits::pair_nibbles(block + i, panel + i, panel + i + 16);
  }
  static void restore(const uint8_t* panel, uint8_t* block) {
    std::memcpy(block, panel, 16);
    for (size_t i = 16; i < 144; i += 32) panel_bits::unpair_nibbles(panel + i, panel + i + 16, block + i);
  }
};

/// Panel order: d, dmin, 3 words of scales, then per 32 columns 4 words of nibbles and 1 of high bits (bit j = column
/// j).
struct PanelQ5_K : ArrangedPanel<Format::kQ5_K, 176, PanelField{0, 2, 1}, PanelField{2, 2, 1}, PanelField{4, 4, 43}> {
  static void arrange(const uint8_t* block, uint8_t* panel) {
    std::memcpy(panel, block, 16);
    for (size_t pair = 0; pair < 4; ++pair) {
      uint8_t* first = panel + 16 + 40 * pair;
      panel_bits::pair_nibbles(block + 48 + 32 * pair, first, first + 20);
    }
    for (size_t b = 0; b < 4; ++b) {
      const uint64_t bits = panel_bits::transpose_bits(panel_bits::load64(block + 16 + 8 * b));
      for (size_t group = 0; group < 8; ++group) {
        panel[32 + 20 * group + b] = static_cast<uint8_t>(bits >> (8 * group));
      }
    }
  }
  static void restore(const uint8_t* panel, uint8_t* block) {
    std::memcpy(block, panel, 16);
    for (size_t pair = 0; pair < 4; ++pair) {
      const uint8_t* first = panel + 16 + 40 * pair;
      panel_bits::unpair_nibbles(first, first + 20, block + 48 + 32 * pair);
    }
    for (size_t b = 0; b < 4; ++b) {
      uint64_t bits = 0;
      for (size_t group = 0; group < 8; ++group) {
        bits |= static_cast<uint64_t>(panel[32 + 20 * group + b]) << (8 * group);
      }
      panel_bits::store64(block + 16 + 8 * b, panel_bits::transpose_bits(bits));
    }
  }
};

/// Panel order: d, 4 words of scales, then per 32 columns 4 words of nibbles and 2 of high bits.
struct PanelQ6_K : ArrangedPanel<Format::kQ6_K, 210, PanelField{0, 2, 1}, PanelField{2, 4, 52}> {
  // Bytes 32k of ql hold groups kFirst[k] (low nibbles) and kFirst[k] + 2 (high nibbles).
  static constexpr size_t kFirst[4] = {0, 1, 4, 5};

  static void arrange(const uint8_t* block, uint8_t* panel) {
    std::memcpy(panel, block + 208, 2);
    std::memcpy(panel + 2, block + 192, 16);
    for (size_t k = 0; k < 4; ++k) {
      uint8_t* first = panel + 18 + 24 * kFirst[k];
      panel_bits::pair_nibbles(block + 32 * k, first, first + 48);
    }
    panel_bits::pair_codes2(block + 128, panel + 34, 24);
  }
  static void restore(const uint8_t* panel, uint8_t* block) {
    std::memcpy(block + 208, panel, 2);
    std::memcpy(block + 192, panel + 2, 16);
    for (size_t k = 0; k < 4; ++k) {
      const uint8_t* first = panel + 18 + 24 * kFirst[k];
      panel_bits::unpair_nibbles(first, first + 48, block + 32 * k);
    }
    panel_bits::unpair_codes2(panel + 34, 24, block + 128);
  }
};

}  // namespace vivace
