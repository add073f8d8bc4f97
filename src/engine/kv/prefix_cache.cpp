#include "engine/kv/prefix_cache.h"

#include <algorithm>

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
  Node& node = nodes_[Key{chain, {tokens.begin(), tokens.end()}}];
  if (node.chain == 0) {
    node.chain = ++last_chain_;
    node.pages.assign(groups_.size(), -1);
    node.depth = page;
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

bool PrefixCache::evict(int32_t group) {
  auto oldest = nodes_.end();
  for (auto it = nodes_.begin(); it != nodes_.end(); ++it) {
    const Node& node = it->second;
    if (node.pages[group] < 0 || pools_[group]->references(node.pages[group]) > 1) continue;
    const bool older = oldest == nodes_.end() || node.last_use < oldest->second.last_use ||
                       (node.last_use == oldest->second.last_use && node.depth > oldest->second.depth);
    if (older) oldest = it;
  }
  if (oldest == nodes_.end()) return false;
  // Without its page of a full group a node is of no use to anybody; a window's page may go alone.
  std::vector<int32_t>& pages = oldest->second.pages;
  if (groups_[group].window > 0) {
    pools_[group]->release(pages[group]);
    pages[group] = -1;
  }
  const bool empty = std::all_of(pages.begin(), pages.end(), [](int32_t page) { return page < 0; });
  if (groups_[group].window == 0 || empty) drop(oldest);
  return true;
}

void PrefixCache::drop(Nodes::iterator node) {
  for (size_t g = 0; g < groups_.size(); ++g) {
    if (node->second.pages[g] >= 0) pools_[g]->release(node->second.pages[g]);
  }
  nodes_.erase(node);
}

void PrefixCache::clear() {
  while (!nodes_.empty()) drop(nodes_.begin());
}

}  // namespace vivace
