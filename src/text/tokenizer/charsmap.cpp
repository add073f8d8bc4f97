// SentencePiece's precompiled normalisation table: a double-array trie from byte sequences to replacements.
#include "text/tokenizer/charsmap.h"

#include "base/error.h"

namespace vivace {
namespace {

// NFKC's longest expansion has 18 characters; a table that grows text without bound is not a normalisation.
constexpr size_t kLongestReplacement = 256;

uint32_t read_u32(std::string_view blob, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value |= uint32_t{static_cast<unsigned char>(blob[at + i])} << (8 * i);
  return value;
}

// Fields of a unit of the double array (darts-clone's layout).
bool has_leaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t label(uint32_t unit) { return unit & (1U << 31 | 0xFF); }
uint32_t offset(uint32_t unit) { return (unit >> 10) << ((unit & 1U << 9) >> 6); }
uint32_t leaf_value(uint32_t unit) { return unit & ((1U << 31) - 1); }

}  // namespace

Charsmap::Charsmap(std::string_view blob) {
  if (blob.empty()) return;
  if (blob.size() < 4) throw Error(ErrorCode::kInvalidFile, "the normalisation table is cut short");
  const size_t trie_bytes = read_u32(blob, 0);
  if (trie_bytes % 4 != 0 || trie_bytes > blob.size() - 4) {
    throw Error(ErrorCode::kInvalidFile, "the normalisation table says " + std::to_string(trie_bytes) +
                                             " bytes of trie but has " + std::to_string(blob.size() - 4));
  }
  units_.reserve(trie_bytes / 4);
  for (size_t at = 4; at < 4 + trie_bytes; at += 4) units_.push_back(read_u32(blob, at));
  replacements_.assign(blob.substr(4 + trie_bytes));
}

Charsmap::Match Charsmap::longest(std::string_view text, size_t at) const {
  Match best;
  if (units_.empty()) return best;
  size_t node = offset(units_[0]);
  uint32_t replacement = 0;
  for (size_t i = at; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (node >= units_.size()) break;
    const uint32_t unit = units_[node];
    if (label(unit) != byte) break;
    node ^= offset(unit);
    if (!has_leaf(unit)) continue;
    if (node >= units_.size()) break;
    best.length = i + 1 - at;
    replacement = leaf_value(units_[node]);
  }
  if (best.length == 0) return best;
  const size_t end = replacement < replacements_.size() ? replacements_.find('\0', replacement) : std::string::npos;
  if (end == std::string::npos || end - replacement > kLongestReplacement) {
    throw Error(ErrorCode::kInvalidFile, "the normalisation table points outside its replacements");
  }
  best.replacement = std::string_view(replacements_).substr(replacement, end - replacement);
  return best;
}

}  // namespace vivace
