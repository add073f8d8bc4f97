// Full KV pages found again by what they hold: a chain of pages, each named by its tokens and the chain before it. A
// sequence that begins like an earlier one takes over its pages instead of computing them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/kv/page_pool.h"
#include "engine/request.h"
#include "models/kv_layout.h"

namespace vivace {

/// The pages of one sequence: [groups][page number], -1 where a window has left the page behind.
using PageTables = std::vector<std::vector<int32_t>>;

/// What was found: whole pages, and the name of their chain (0: none).
struct PrefixHit {
  int32_t tokens = 0;
  uint64_t chain = 0;
};

/// Not thread-safe: the engine's thread owns it.
class PrefixCache {
 public:
  PrefixCache(std::span<const KvGroup> groups, std::span<const std::unique_ptr<PagePool>> pools);
  ~PrefixCache();

  /// The longest cached beginning of `tokens`, shorter than `tokens`; fills `tables` with retained pages for it (a
  /// window's early pages are -1).
  PrefixHit find(std::span<const TokenId> tokens, PageTables& tables);
  /// Remembers page number `page` of a sequence, which holds `tokens` [kPageTokens] and follows `chain`; retains its
  /// pages. Returns the chain that now ends with it.
  uint64_t insert(uint64_t chain, std::span<const TokenId> tokens, int32_t page, const PageTables& tables);
  /// Lets go of the least recently used page of a group that nobody else holds; false where there is none.
  bool evict(int32_t group);
  void clear();

  size_t size() const { return nodes_.size(); }

 private:
  struct Node {
    uint64_t parent = 0;          // hash of the chain before
    std::vector<TokenId> tokens;  // [kPageTokens]
    std::vector<int32_t> pages;   // [groups], -1: let go
    uint64_t last_use = 0;
    int32_t depth = 0;  // page number
  };

  const Node* lookup(uint64_t hash, uint64_t parent, std::span<const TokenId> tokens) const;
  void drop(uint64_t hash);
  int32_t usable_pages(const std::vector<const Node*>& chain) const;

  std::vector<KvGroup> groups_;
  std::vector<PagePool*> pools_;
  std::unordered_map<uint64_t, Node> nodes_;  // by hash of the chain up to and including the page
  uint64_t clock_ = 0;
};

}  // namespace vivace
