// Full KV pages found again by what they hold: a chain of pages, each named by its tokens and the chain before it. A
// sequence that begins like an earlier one takes over its pages instead of computing them. Names are numbers given once
// and tokens are compared, so that no collision of hashes, made on purpose or not, hands out foreign pages.
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

/// What was found: whole pages, and the name of the chain that ends with them (0: none).
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
  struct Key {
    uint64_t parent = 0;  // chain before
    std::vector<TokenId> tokens;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  struct Node {
    uint64_t chain = 0;          // its name; never given twice
    std::vector<int32_t> pages;  // [groups], -1: let go
    uint64_t last_use = 0;
    int32_t depth = 0;  // page number
  };
  using Nodes = std::unordered_map<Key, Node, KeyHash>;

  int32_t usable_pages(const std::vector<Node*>& chain) const;
  void drop(Nodes::iterator node);

  std::vector<KvGroup> groups_;
  std::vector<PagePool*> pools_;
  Nodes nodes_;
  uint64_t last_chain_ = 0;
  uint64_t clock_ = 0;
};

}  // namespace vivace
