#include "engine/kv/prefix_cache.h"

#include <algorithm>
#include <tuple>

#include "device/step_inputs.h"

namespace vivace {
namespace {

/// First page that a query at position `position` still reads in a group with this window.
int32_t first_page_needed(int32_t window, int32_t position) {
  return window == 0 ? 0 : std::max(0, position - window + 1) / kPageTokens;
}

}  // namespace

PrefixCache::PrefixCache(std::span<const KvGroup> groups, std::span<const std::unique_ptr<PagePool>> pools)
    : groups_(groups.begin(), groups.end()) {
  for (const auto& pool : pools) pools_.push_back(pool.get());
}

PrefixCache::~PrefixCache() { clear(); }

/// FNV-1a over the tokens, started from the chain before.
size_t PrefixCache::KeyHash::operator()(const Key& key) const {
  uint64_t hash = 0xcbf29ce484222325u ^ (key.parent * 0x9e3779b97f4a7c15u);
  for (TokenId token : key.tokens) hash = (hash ^ uint32_t(token)) * 0x100000001b3u;
  return size_t(hash);
}

/// The longest part of a chain whose pages are all there that the next position reads.
int32_t PrefixCache::usable_pages(const std::vector<Node*>& chain) const {
  for (int32_t pages = int32_t(chain.size()); pages > 0; --pages) {
    bool complete = true;
    for (size_t g = 0; g < groups_.size() && complete; ++g) {
      for (int32_t p = first_page_needed(groups_[g].window, pages * kPageTokens); p < pages && complete; ++p) {
        complete = chain[p]->pages[g] >= 0;
      }
    }
    if (complete) return pages;
  }
  return 0;
}

PrefixHit PrefixCache::find(std::span<const TokenId> tokens, PageTables& tables) {
  tables.assign(groups_.size(), {});
  std::vector<Node*> chain;
  Key key;
  // The last token is always computed: its logits are wanted.
  for (size_t at = 0; at + kPageTokens < tokens.size(); at += kPageTokens) {
    const auto page = tokens.subspan(at, kPageTokens);
    key.tokens.assign(page.begin(), page.end());
    const auto found = nodes_.find(key);
    if (found == nodes_.end()) break;
    chain.push_back(&found->second);
    key.parent = found->second.chain;
  }
  const int32_t pages = usable_pages(chain);
  ++clock_;
  for (int32_t p = 0; p < pages; ++p) chain[p]->last_use = clock_;
  for (size_t g = 0; g < groups_.size(); ++g) {
    const int32_t first = first_page_needed(groups_[g].window, pages * kPageTokens);
    for (int32_t p = 0; p < pages; ++p) {
      const int32_t page = p < first ? -1 : chain[p]->pages[g];
      if (page >= 0) pools_[g]->retain(page);
      tables[g].push_back(page);
    }
  }
  return {pages * kPageTokens, pages > 0 ? chain[pages - 1]->chain : 0};
}

uint64_t PrefixCache::insert(uint64_t chain, std::span<const TokenId> tokens, int32_t page, const PageTables& tables) {
  const auto parent = names_.find(chain);
  if (chain != 0 && parent == names_.end()) return chain;
  const auto [found, fresh] = nodes_.try_emplace(Key{chain, {tokens.begin(), tokens.end()}});
  Node& node = found->second;
  if (fresh) {
    node.chain = ++last_chain_;
    node.pages.assign(groups_.size(), -1);
    node.depth = page;
    if (chain != 0) ++nodes_.find(*parent->second)->second.children;
    names_[node.chain] = &found->first;
  }
  node.last_use = ++clock_;
  for (size_t g = 0; g < groups_.size(); ++g) {
    const int32_t held = tables[g][page];
    if (node.pages[g] >= 0 || held < 0) continue;
    pools_[g]->retain(held);
    node.pages[g] = held;
  }
  return node.chain;
}

bool PrefixCache::evictable(const Node& node, int32_t group) const {
  return node.pages[group] >= 0 && pools_[group]->references(node.pages[group]) == 1;
}

bool PrefixCache::evict(int32_t group) {
  const bool full = groups_[group].window == 0;
  // A full chain loses its end first: without its beginning the rest could not be found. In a window the end counts.
  const auto rank = [full](const Node& node) {
    return std::tuple(full && node.children > 0, node.last_use, full ? -node.depth : node.depth);
  };
  auto worst = nodes_.end();
  for (auto it = nodes_.begin(); it != nodes_.end(); ++it) {
    if (!evictable(it->second, group)) continue;
    if (worst == nodes_.end() || rank(it->second) < rank(worst->second)) worst = it;
  }
  if (worst == nodes_.end()) return false;
  if (full) {
    drop(worst);
  } else {
    pools_[group]->release(worst->second.pages[group]);
    worst->second.pages[group] = -1;
    drop_empty(worst);
  }
  return true;
}

/// Drops a node that holds no page and leads nowhere, and those before it for which that is true then.
void PrefixCache::drop_empty(Nodes::iterator node) {
  while (node != nodes_.end() && node->second.children == 0) {
    const std::vector<int32_t>& pages = node->second.pages;
    if (std::any_of(pages.begin(), pages.end(), [](int32_t page) { return page >= 0; })) return;
    const auto parent = names_.find(node->first.parent);
    const auto next = parent == names_.end() ? nodes_.end() : nodes_.find(*parent->second);
    drop(node);
    node = next;
  }
}

void PrefixCache::drop(Nodes::iterator node) {
  for (size_t g = 0; g < groups_.size(); ++g) {
    if (node->second.pages[g] >= 0) pools_[g]->release(node->second.pages[g]);
  }
  if (const auto parent = names_.find(node->first.parent); parent != names_.end()) {
    --nodes_.find(*parent->second)->second.children;
  }
  names_.erase(node->second.chain);
  nodes_.erase(node);
}

void PrefixCache::clear() {
  while (!nodes_.empty()) drop(nodes_.begin());
}

}  // namespace vivace
