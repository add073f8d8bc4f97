// Hashes and flat tables of the tokenizers: text to id, and pair of ids to merge. Built once, then only read.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace vivace {

inline uint64_t mix64(uint64_t x) {
  x ^= x >> 32;
  x *= 0xD6E8FEB86659FD93ULL;
  x ^= x >> 32;
  x *= 0xD6E8FEB86659FD93ULL;
  return x ^ (x >> 32);
}

inline uint64_t hash_bytes(std::string_view text) {
  const char* at = text.data();
  size_t left = text.size();
  uint64_t hash = 0x9E3779B97F4A7C15ULL * (left + 1);
  uint64_t word;
  for (; left >= 8; at += 8, left -= 8) {
    std::memcpy(&word, at, 8);
    hash = (hash ^ word) * 0xD6E8FEB86659FD93ULL;
    hash ^= hash >> 32;
  }
  word = 0;
  if (left != 0) std::memcpy(&word, at, left);
  return mix64(hash ^ word);
}

/// Texts in the order of their ids, which begin with `first`.
struct TextOfId {
  const std::vector<std::string>& texts;
  int32_t first = 0;
  std::string_view operator()(int32_t id) const { return texts[static_cast<size_t>(id - first)]; }
};

/// Text to int32 id, 8 bytes a slot: the texts stay where they are, `text_of(id)` gives them back.
class PieceTable {
 public:
  explicit PieceTable(size_t expected = 0) { rehash(capacity_for(expected)); }

  /// Id of `text`, or -1.
  int32_t find(std::string_view text, const auto& text_of) const {
    return slots_[place(hash_of(text), text, text_of)].id;
  }

  /// Adds or replaces; `text_of(id)` must give `text` from now on. Returns false when it replaced.
  bool set(std::string_view text, int32_t id, const auto& text_of) {
    if ((used_ + 1) * 2 > slots_.size()) rehash(slots_.size() * 2);
    const uint32_t hash = hash_of(text);
    Slot& slot = slots_[place(hash, text, text_of)];
    const bool added = slot.id < 0;
    slot = {hash, id};
    used_ += added;
    return added;
  }

 private:
  struct Slot {
    uint32_t hash = 0;
    int32_t id = -1;
  };

  static uint32_t hash_of(std::string_view text) { return static_cast<uint32_t>(hash_bytes(text) >> 32); }

  /// Where the text is, or the free slot where it would be.
  size_t place(uint32_t hash, std::string_view text, const auto& text_of) const {
    for (size_t at = hash & mask_;; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.id < 0 || (slot.hash == hash && text_of(slot.id) == text)) return at;
    }
  }

  static size_t capacity_for(size_t expected) {
    size_t capacity = 16;
    while (capacity < expected * 2 + 2) capacity *= 2;
    return capacity;
  }

  void rehash(size_t capacity) {
    std::vector<Slot> old(capacity);
    old.swap(slots_);
    mask_ = capacity - 1;
    for (const Slot& s : old) {
      if (s.id < 0) continue;
      size_t at = s.hash & mask_;
      while (slots_[at].id >= 0) at = (at + 1) & mask_;
      slots_[at] = s;
    }
  }

  std::vector<Slot> slots_;
  size_t mask_ = 0;
  size_t used_ = 0;
};

/// A 64-bit key to two 32-bit values. Key ~0 is reserved.
class KeyTable {
 public:
  struct Value {
    uint32_t first;
    uint32_t second;
  };

  explicit KeyTable(size_t expected = 0) { rehash(capacity_for(expected)); }

  const Value* find(uint64_t key) const {
    for (size_t slot = mix64(key) & mask_;; slot = (slot + 1) & mask_) {
      if (slots_[slot].key == key) return &slots_[slot].value;
      if (slots_[slot].key == kEmpty) return nullptr;
    }
  }

  /// Adds when the key is new. Returns whether it was.
  bool insert(uint64_t key, Value value) {
    if ((used_ + 1) * 2 > slots_.size()) rehash(slots_.size() * 2);
    for (size_t slot = mix64(key) & mask_;; slot = (slot + 1) & mask_) {
      if (slots_[slot].key == key) return false;
      if (slots_[slot].key == kEmpty) {
        slots_[slot] = {key, value};
        ++used_;
        return true;
      }
    }
  }

 private:
  static constexpr uint64_t kEmpty = ~0ULL;
  struct Slot {
    uint64_t key = kEmpty;
    Value value = {0, 0};
  };

  static size_t capacity_for(size_t expected) {
    size_t capacity = 16;
    while (capacity < expected * 2 + 2) capacity *= 2;
    return capacity;
  }

  void rehash(size_t capacity) {
    std::vector<Slot> old(capacity);
    old.swap(slots_);
    mask_ = capacity - 1;
    for (const Slot& s : old) {
      if (s.key == kEmpty) continue;
      size_t slot = mix64(s.key) & mask_;
      while (slots_[slot].key != kEmpty) slot = (slot + 1) & mask_;
      slots_[slot] = s;
    }
  }

  std::vector<Slot> slots_;
  size_t mask_ = 0;
  size_t used_ = 0;
};

}  // namespace vivace
