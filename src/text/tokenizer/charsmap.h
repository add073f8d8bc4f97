// SentencePiece's precompiled normalisation table: a double-array trie from byte sequences to replacements.
// Format: uint32 size of the trie in bytes, the trie's uint32 units, then NUL-terminated replacements; little-endian.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vivace {

class Charsmap {
 public:
  /// An empty blob makes a table that changes nothing. Throws Error(kInvalidFile) when the sizes do not fit.
  explicit Charsmap(std::string_view blob);

  struct Match {
    size_t length = 0;  // bytes of the text that are replaced; 0: none
    std::string_view replacement;
  };

  /// The longest entry that begins at `at`. Every step is checked against the table's size: a broken table matches
  /// nothing or throws Error(kInvalidFile), it never reads outside.
  Match longest(std::string_view text, size_t at) const;

 private:
  std::vector<uint32_t> units_;
  std::string replacements_;
};

}  // namespace vivace
