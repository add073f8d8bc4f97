// Remembers the ids of short words during one call: text repeats itself. Bounded and never shared between threads.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "text/tokenizer/hash.h"

namespace vivace {

class WordCache {
 public:
  /// `text_size`: bytes that the call will tokenise; a short text gets a small cache.
  explicit WordCache(size_t text_size) {
    size_t entries = 16;
    while (entries < 16384 && entries * 16 < text_size) entries *= 2;
    entries_.resize(entries);
  }

  /// Appends the ids of a word seen before; false when it is not known.
  bool lookup(std::string_view word, std::vector<int32_t>& out) {
    last_ = nullptr;
    if (word.size() > kLongestWord) return false;
    Entry& entry = entries_[hash_bytes(word) & (entries_.size() - 1)];
    if (entry.length == word.size() && std::memcmp(entry.word, word.data(), word.size()) == 0) {
      out.insert(out.end(), entry.ids, entry.ids + entry.count);
      return true;
    }
    last_ = &entry;
    return false;
  }

  /// Keeps the ids of the word that the last lookup did not find.
  void remember(std::string_view word, const int32_t* ids, size_t count) {
    if (last_ == nullptr || count > kMostIds) return;
    last_->length = static_cast<uint8_t>(word.size());
    last_->count = static_cast<uint8_t>(count);
    std::memcpy(last_->word, word.data(), word.size());
    std::memcpy(last_->ids, ids, count * sizeof(int32_t));
  }

 private:
  static constexpr size_t kLongestWord = 30;
  static constexpr size_t kMostIds = 8;
  struct Entry {
    uint8_t length = 0;  // 0: empty, words never are
    uint8_t count = 0;
    char word[kLongestWord];
    int32_t ids[kMostIds];
  };
  std::vector<Entry> entries_;
  Entry* last_ = nullptr;
};

}  // namespace vivace
