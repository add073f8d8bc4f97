// Rows to panels, four rows at a time: a word of each in one 16-byte vector. The vectors are the compiler's own, so
// this is plain C++ on every machine and still as fast as memory: loading a model is mostly this.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "quant/layout.h"

namespace vivace::panel_pack {

/// A word of each of four rows.
using Words4 = uint32_t __attribute__((vector_size(16)));

/// Where word after word of four rows goes in a panel.
class PanelWords {
 public:
  explicit PanelWords(uint8_t* at) : at_(at) {}
  using Stored = uint32_t __attribute__((vector_size(16), aligned(1), may_alias));
  Stored& operator[](size_t word) const { return *reinterpret_cast<Stored*>(at_ + word * kPanelRows * 4); }
  PanelWords operator+(size_t words) const { return PanelWords(at_ + words * kPanelRows * 4); }

 private:
  uint8_t* at_;
};

inline Words4 load(const uint8_t* from) {
  Words4 words;
  std::memcpy(&words, from, sizeof(words));
  return words;
}

/// Four words of four rows that are `stride` apart: out[i] has word i of each.
inline void load_columns(const uint8_t* from, size_t stride, Words4* out) {
  const Words4 a = load(from), b = load(from + stride), c = load(from + 2 * stride), d = load(from + 3 * stride);
  const Words4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Words4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  out[0] = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  out[1] = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  out[2] = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  out[3] = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

/// Blocks that are no more than a word (F32, pairs of F16) are taken four at a time.
template <class Panel>
constexpr size_t kBlocks = Panel::kBytes == 4 ? 4 : 1;

/// One field of kWidth bytes of 16 rows.
template <size_t kWidth>
uint8_t* pack_narrow(const uint8_t* from, size_t stride, uint8_t* panel) {
  for (size_t lane = 0; lane < kPanelRows; ++lane) std::memcpy(panel + lane * kWidth, from + lane * stride, kWidth);
  return panel + kPanelRows * kWidth;
}

/// kBlocks blocks of 16 rows, `stride` apart, to the panel.
template <class Panel>
void pack_block(const uint8_t* block, size_t stride, uint8_t* panel) {
  constexpr size_t kNarrow = Panel::kFields.size() - 1;
  static_assert(kNarrow <= 2);
  if constexpr (kNarrow > 0) panel = pack_narrow<Panel::kFields[0].width>(block + Panel::kNarrowAt, stride, panel);
  if constexpr (kNarrow > 1) {
    constexpr size_t kAt = Panel::kNarrowAt + Panel::kFields[0].width;
    panel = pack_narrow<Panel::kFields[1].width>(block + kAt, stride, panel);
  }
  constexpr size_t kWords = Panel::kFields.back().count * kBlocks<Panel>;
  static_assert(Panel::kFields.back().width == 4 && kWords >= 4);
  for (size_t lane = 0; lane < kPanelRows; lane += 4) {
    const uint8_t* from = block + lane * stride + Panel::kWordsAt;
    Words4 words[kWords];
    // The last four may have been among those before: nothing beyond the block is read.
    for (size_t i = 0; i < kWords; i += 4) {
      const size_t first = std::min(i, kWords - 4);
      load_columns(from + 4 * first, stride, words + first);
    }
    const PanelWords out(panel + 4 * lane);
    if constexpr (Panel::kArranged) {
      Panel::arrange(words, out);
    } else {
      for (size_t i = 0; i < kWords; ++i) out[i] = words[i];
    }
  }
}

/// row_size: bytes of a row in the file. The last piece of an F16 or BF16 row may be half a pair.
template <class Panel>
void pack_rows(const uint8_t* rows_data, size_t rows, size_t row_size, uint8_t* panel) {
  constexpr size_t kBytes = Panel::kBytes * kBlocks<Panel>;
  uint8_t padded[kPanelRows * kBytes], whole[kPanelRows * kBytes];
  for (size_t at = 0; at < row_size; at += kBytes, panel += kPanelRows * kBytes) {
    const size_t bytes = std::min(kBytes, row_size - at);
    if (rows == kPanelRows && bytes == kBytes) {
      pack_block<Panel>(rows_data + at, row_size, panel);
      continue;
    }
    std::memset(padded, 0, sizeof(padded));
    for (size_t lane = 0; lane < rows; ++lane) {
      std::memcpy(padded + lane * kBytes, rows_data + lane * row_size + at, bytes);
    }
    pack_block<Panel>(padded, kBytes, whole);
    const size_t pieces = (bytes + Panel::kBytes - 1) / Panel::kBytes;
    std::memcpy(panel, whole, pieces * Panel::kBytes * kPanelRows);
  }
}

}  // namespace vivace::panel_pack
