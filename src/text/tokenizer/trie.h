// A byte trie over token texts, for longest matches (special tokens, WPM) and all matches at a place (UGM).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/tokenizer/hash.h"

namespace vivace {

class Trie {
 public:
  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kNone = ~0U;

  Trie() : values_(1, -1), first_(256, kNone) {}

  /// A later text equal to an earlier one replaces it. Empty texts are ignored.
  void add(std::string_view text, int32_t id) {
    if (text.empty()) return;
    uint32_t node = kRoot;
    for (const char c : text) {
      uint32_t next = step(node, c);
      if (next == kNone) {
        next = static_cast<uint32_t>(values_.size());
        values_.push_back(-1);
        if (node == kRoot) {
          first_[static_cast<unsigned char>(c)] = next;
        } else {
          edges_.insert(key(node, c), {next, 0});
        }
      }
      node = next;
    }
    values_[node] = id;
  }

  /// The node after `c`, or kNone.
  uint32_t step(uint32_t node, char c) const {
    if (node == kRoot) return first_[static_cast<unsigned char>(c)];
    const KeyTable::Value* edge = edges_.find(key(node, c));
    return edge == nullptr ? kNone : edge->first;
  }

  /// Id of the text that ends at `node`, or -1.
  int32_t value(uint32_t node) const { return values_[node]; }

  bool empty() const { return values_.size() == 1; }

  struct Match {
    int32_t id = -1;
    size_t length = 0;
  };

  /// The longest text that begins at `at`; id -1 when there is none.
  Match longest(std::string_view text, size_t at) const {
    Match best;
    uint32_t node = kRoot;
    for (size_t i = at; i < text.size(); ++i) {
      node = step(node, text[i]);
      if (node == kNone) break;
      if (values_[node] >= 0) best = {values_[node], i + 1 - at};
    }
    return best;
  }

 private:
  static uint64_t key(uint32_t node, char c) { return uint64_t{node} << 8 | static_cast<unsigned char>(c); }

  std::vector<int32_t> values_;
  std::vector<uint32_t> first_;  // children of the root
  KeyTable edges_;
};

}  // namespace vivace
