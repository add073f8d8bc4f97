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

/// 8 words that hold columns l (low nibbles) and 32 + l (high nibbles) in byte l, to two times 4 words that hold
/// columns l (low) and 16 + l (high): the first 32 columns to `first`, the others to `second`.
template <class Word, class Out>
inline void pair_nibbles(const Word* from, Out first, Out second) {
  constexpr uint32_t kLow = 0x0F0F0F0Fu;
  for (int i = 0; i < 4; ++i) {
    const Word near = from[i], far = from[4 + i];
    first[i] = (near & kLow) | ((far & kLow) << 4);
    second[i] = ((near >> 4) & kLow) | (far & ~kLow);
  }
}

/// Its inverse, on bytes of one row.
inline void unpair_nibbles(const uint8_t* first, const uint8_t* second, uint8_t* to) {
  for (int i = 0; i < 16; i += 8) {
    const uint64_t a = load64(first + i), b = load64(second + i);
    store64(to + i, (a & kLowNibbles) | ((b & kLowNibbles) << 4));
    store64(to + 16 + i, ((a >> 4) & kLowNibbles) | (b & ~kLowNibbles));
  }
}

/// Exchanges the masked bits of b with those of a that are `shift` higher.
template <class Word>
inline void swap_bits(Word& a, Word& b, int shift, uint32_t mask) {
  const Word change = ((a >> shift) ^ b) & mask;
  b ^= change;
  a ^= change << shift;
}

/// Transposes 4 words of 2-bit fields per byte: field i of byte b of out[j] is field j of byte b of in[i]. Its own
/// inverse, as are the next two.
template <class Word>
inline void transpose_pairs(Word* words) {
  swap_bits(words[0], words[2], 4, 0x0F0F0F0Fu);
  swap_bits(words[1], words[3], 4, 0x0F0F0F0Fu);
  swap_bits(words[0], words[1], 2, 0x33333333u);
  swap_bits(words[2], words[3], 2, 0x33333333u);
}

/// The same with 8 words of 1-bit fields: bit i of byte b of out[j] is bit j of byte b of in[i].
template <class Word>
inline void transpose_bits_of_bytes(Word* words) {
  for (int i = 0; i < 4; ++i) swap_bits(words[i], words[i + 4], 4, 0x0F0F0F0Fu);
  for (int i : {0, 1, 4, 5}) swap_bits(words[i], words[i + 2], 2, 0x33333333u);
  for (int i : {0, 2, 4, 6}) swap_bits(words[i], words[i + 1], 1, 0x55555555u);
}

/// And with the bytes of 4 words: byte i of out[j] is byte j of in[i].
template <class Word>
inline void transpose_bytes(Word* words) {
  swap_bits(words[0], words[2], 16, 0x0000FFFFu);
  swap_bits(words[1], words[3], 16, 0x0000FFFFu);
  swap_bits(words[0], words[1], 8, 0x00FF00FFu);
  swap_bits(words[2], words[3], 8, 0x00FF00FFu);
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
template <class Word, class Out>
inline void pair_codes2(const Word* from, Out to, size_t stride) {
  for (size_t half = 0; half < 2; ++half) {
    for (size_t w = 0; w < 2; ++w) {
      Word words[4];
      for (size_t i = 0; i < 4; ++i) words[i] = from[8 * half + 4 * w + i];
      transpose_pairs(words);
      for (size_t j = 0; j < 4; ++j) to[(4 * half + j) * stride + w] = words[j];
    }
  }
}

/// Its inverse, on bytes of one row; stride in bytes.
inline void unpair_codes2(const uint8_t* from, size_t stride, uint8_t* to) {
  for (size_t half = 0; half < 2; ++half) {
    for (size_t w = 0; w < 2; ++w) {
      uint32_t words[4];
      for (size_t j = 0; j < 4; ++j) words[j] = load32(from + (4 * half + j) * stride + 4 * w);
      transpose_pairs(words);
      for (size_t i = 0; i < 4; ++i) store32(to + 32 * half + 16 * w + 4 * i, words[i]);
    }
  }
}

}  // namespace panel_bits

/// A panel of blocks as they are in the file: the fields say all. kColumns and kBytes are those of one row's piece of a
/// panel block. Of the fields the last has words, any before it are narrower and next to each other in the file.
template <Format kId, size_t kPieceColumns, size_t kPieceBytes, PanelField... kFieldList>
struct PlainPanel {
  static constexpr Format kFormat = kId;
  static constexpr size_t kColumns = kPieceColumns;
  static constexpr size_t kBytes = kPieceBytes;
  static constexpr std::array<PanelField, sizeof...(kFieldList)> kFields = {kFieldList...};
  static constexpr bool kArranged = false;
  static constexpr size_t kWordsAt = kFields.back().offset;  // in the file's block: the words, and what is narrower
  static constexpr size_t kNarrowAt = 0;
};

/// A panel whose words are permuted first. Derived types have `arrange`, from the file's words to panel order (Word:
/// one row's word or a vector of several rows', Out: iterates over the panel's), and `restore`, which gives one row's
/// block back.
template <Format kId, size_t kPieceBytes, size_t kFileWordsAt, size_t kFileNarrowAt, PanelField... kFieldList>
struct ArrangedPanel : PlainPanel<kId, 256, kPieceBytes, kFieldList...> {
  static constexpr bool kArranged = true;
  static constexpr size_t kWordsAt = kFileWordsAt;
  static constexpr size_t kNarrowAt = kFileNarrowAt;
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
struct PanelQ2_K
    : ArrangedPanel<Format::kQ2_K, 84, 0, 80, PanelField{0, 2, 1}, PanelField{2, 2, 1}, PanelField{4, 4, 20}> {
  template <class Word, class Out>
  static void arrange(const Word* file, Out panel) {
    for (size_t i = 0; i < 4; ++i) panel[i] = file[i];
    panel_bits::pair_codes2(file + 4, panel + 4, 2);
  }
  static void restore(const uint8_t* panel, uint8_t* block) {
    std::memcpy(block + 80, panel, 4);
    std::memcpy(block, panel + 4, 16);
    panel_bits::unpair_codes2(panel + 20, 8, block + 16);
  }
};

/// Panel order: d, 3 words of scales, then per 32 columns 2 words of low bits and 1 of high bits (bit i of byte b =
/// column 4i + b).
struct PanelQ3_K : ArrangedPanel<Format::kQ3_K, 110, 0, 108, PanelField{0, 2, 1}, PanelField{2, 4, 27}> {
  template <class Word, class Out>
  static void arrange(const Word* file, Out panel) {
    for (size_t i = 0; i < 3; ++i) panel[i] = file[24 + i];
    panel_bits::pair_codes2(file + 8, panel + 3, 3);
    Word high[8];
    for (size_t i = 0; i < 8; ++i) high[i] = file[i];
    panel_bits::transpose_bits_of_bytes(high);
    for (size_t group = 0; group < 8; ++group) panel[5 + 3 * group] = high[group];
  }
  static void restore(const uint8_t* panel, uint8_t* block) {
    std::memcpy(block + 108, panel, 2);
    std::memcpy(block + 96, panel + 2, 12);
    panel_bits::unpair_codes2(panel + 14, 12, block + 32);
    for (size_t b = 0; b < 4; ++b) {
      uint64_t bits = 0;
      for (size_t group = 0; group < 8; ++group) {
        // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): a panel is whole
        bits |= static_cast<uint64_t>(panel[22 + 12 * group + b]) << (8 * group);
      }
      bits = panel_bits::transpose_bits(bits);
      for (size_t i = 0; i < 8; ++i) block[4 * i + b] = static_cast<uint8_t>(bits >> (8 * i));
    }
  }
};

/// Panel order: d, dmin, 3 words of scales, then per 32 columns 4 words of nibbles.
struct PanelQ4_K
    : ArrangedPanel<Format::kQ4_K, 144, 4, 0, PanelField{0, 2, 1}, PanelField{2, 2, 1}, PanelField{4, 4, 35}> {
  template <class Word, class Out>
  static void arrange(const Word* file, Out panel) {
    for (size_t i = 0; i < 3; ++i) panel[i] = file[i];
    for (size_t i = 3; i < 35; i += 8) panel_bits::pair_nibbles(file + i, panel + i, panel + i + 4);
  }
  static void restore(const uint8_t* panel, uint8_t* block) {
    std::memcpy(block, panel, 16);
    for (size_t i = 16; i < 144; i += 32) panel_bits::unpair_nibbles(panel + i, panel + i + 16, block + i);
  }
};

/// Panel order: d, dmin, 3 words of scales, then per 32 columns 4 words of nibbles and 1 of high bits (bit j = column
/// j).
struct PanelQ5_K
    : ArrangedPanel<Format::kQ5_K, 176, 4, 0, PanelField{0, 2, 1}, PanelField{2, 2, 1}, PanelField{4, 4, 43}> {
  template <class Word, class Out>
  static void arrange(const Word* file, Out panel) {
    for (size_t i = 0; i < 3; ++i) panel[i] = file[i];
    for (size_t pair = 0; pair < 4; ++pair) {
      const Out first = panel + 3 + 10 * pair;
      panel_bits::pair_nibbles(file + 11 + 8 * pair, first, first + 5);
    }
    // Bit g of byte 8b + i becomes bit i of byte b of group g's word: bytes first, then bits.
    Word high[8];
    for (size_t i = 0; i < 8; ++i) high[i] = file[3 + i % 4 * 2 + i / 4];
    panel_bits::transpose_bytes(high);
    panel_bits::transpose_bytes(high + 4);
    panel_bits::transpose_bits_of_bytes(high);
    for (size_t group = 0; group < 8; ++group) panel[7 + 5 * group] = high[group];
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
struct PanelQ6_K : ArrangedPanel<Format::kQ6_K, 210, 0, 208, PanelField{0, 2, 1}, PanelField{2, 4, 52}> {
  // Bytes 32k of ql hold groups kFirst[k] (low nibbles) and kFirst[k] + 2 (high nibbles).
  static constexpr size_t kFirst[4] = {0, 1, 4, 5};

  template <class Word, class Out>
  static void arrange(const Word* file, Out panel) {
    for (size_t i = 0; i < 4; ++i) panel[i] = file[48 + i];
    for (size_t k = 0; k < 4; ++k) {
      const Out first = panel + 4 + 6 * kFirst[k];
      panel_bits::pair_nibbles(file + 8 * k, first, first + 12);
    }
    panel_bits::pair_codes2(file + 32, panel + 8, 6);
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
