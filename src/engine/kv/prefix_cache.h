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
  /// pages. Returns the chain that now ends with it; a chain that was let go meanwhile stays and grows no more.
  uint64_t insert(uint64_t chain, std::span<const TokenId> tokens, int32_t page, const PageTables& tables);
  /// Lets go of a page of a group that nobody else holds, the least recently used first: ends of chains before their
  /// beginnings where all positions count, beginnings before ends in a window. False where there is none.
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
    int32_t depth = 0;     // page number
    int32_t children = 0;  // chains that go on from here
  };
  using Nodes = std::unordered_map<Key, Node, KeyHash>;

  int32_t usable_pages(const std::vector<Node*>& chain) const;
  bool evictable(const Node& node, int32_t group) const;
  void drop(Nodes::iterator node);
  void drop_empty(Nodes::iterator node);

  std::vector<KvGroup> groups_;
  std::vector<PagePool*> pools_;
  Nodes nodes_;
  std::unordered_map<uint64_t, const Key*> names_;  // of the nodes, by chain
  uint64_t last_chain_ = 0;
  uint64_t clock_ = 0;
};

}  // namespace vivace
