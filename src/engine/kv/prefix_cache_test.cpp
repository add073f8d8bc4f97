// Page pool and prefix cache: references add up, hits are what was computed, windows and eviction.
#include "engine/kv/prefix_cache.h"

#include <gtest/gtest.h>

#include <random>

#include "backends/registry.h"
#include "device/reference/reference_device.h"
#include "device/step_inputs.h"

namespace vivace {
namespace {

using Tokens = std::vector<TokenId>;

Tokens tokens_from(TokenId first, int32_t count) {
  Tokens tokens(size_t(count), 0);
  for (int32_t i = 0; i < count; ++i) tokens[size_t(i)] = first + i;
  return tokens;
}

class KvCache : public ::testing::Test {
 protected:
  void open(const std::vector<int32_t>& windows, int32_t pages) {
    for (int32_t window : windows) {
      KvGroup group;
      group.window = window;
      group.page_bytes = 64;
      groups_.push_back(group);
      pools_.push_back(std::make_unique<PagePool>(*device_, group.page_bytes, pages));
    }
    cache_ = std::make_unique<PrefixCache>(groups_, pools_);
  }

  /// Computes and remembers all full pages of `tokens`; gives the sequence's own references back.
  std::vector<std::vector<int32_t>> remember(const Tokens& tokens) {
    PageTables tables;
    PrefixHit hit = cache_->find(tokens, tables);
    uint64_t chain = hit.chain;
    for (int32_t page = hit.tokens / kPageTokens; (page + 1) * kPageTokens <= int32_t(tokens.size()); ++page) {
      for (size_t g = 0; g < pools_.size(); ++g) tables[g].push_back(pools_[g]->allocate().value());
      chain = cache_->insert(chain, std::span(tokens).subspan(size_t(page) * kPageTokens, kPageTokens), page, tables);
    }
    release(tables);
    return tables;
  }

  int32_t hit(const Tokens& tokens) {
    PageTables tables;
    const int32_t found = cache_->find(tokens, tables).tokens;
    release(tables);
    return found;
  }

  void release(const PageTables& tables) {
    for (size_t g = 0; g < tables.size(); ++g) {
      for (int32_t page : tables[g]) {
        if (page >= 0) pools_[g]->release(page);
      }
    }
  }

  std::unique_ptr<Device> device_ = make_reference_device();
  std::vector<KvGroup> groups_;
  std::vector<std::unique_ptr<PagePool>> pools_;
  std::unique_ptr<PrefixCache> cache_;
};

TEST_F(KvCache, PoolCountsReferences) {
  PagePool pool(*device_, 4096, 3);
  EXPECT_EQ(pool.pages(), 3);
  const int32_t a = pool.allocate().value(), b = pool.allocate().value(), c = pool.allocate().value();
  EXPECT_EQ(a + b + c, 0 + 1 + 2) << "three different pages";
  EXPECT_FALSE(pool.allocate());
  pool.retain(b);
  pool.release(b);
  EXPECT_EQ(pool.free_pages(), 0);
  pool.release(b);
  EXPECT_EQ(pool.allocate(), b);
  pool.release(a);
  EXPECT_THROW(pool.release(a), Error);
  EXPECT_THROW(pool.retain(a), Error);
}

TEST_F(KvCache, SlabsHoldEveryPageAndStayBelowTheirLimit) {
  const size_t page_bytes = size_t{48} << 20;
  PagePool pool(*device_, page_bytes, 5);
  EXPECT_EQ(pool.slabs().pages_per_slab, 2);
  ASSERT_EQ(pool.slabs().slabs.size(), 3u);
  EXPECT_EQ(pool.slabs().slabs[0]->size(), 2 * page_bytes);
  EXPECT_EQ(pool.slabs().slabs[2]->size(), page_bytes);
  EXPECT_EQ(PagePool(*device_, size_t{200} << 20, 2).slabs().slabs.size(), 2u) << "a page larger than a slab";
  EXPECT_EQ(PagePool(*device_, 64, 0).free_pages(), 0);
}

TEST_F(KvCache, MemoryIsBackedHalfASlabAhead) {
  constexpr size_t kPageBytes = size_t{16} << 20;  // 8 pages a slab
  constexpr int kPieces = 64;                      // of a slab
  PagePool pool(*device_, kPageBytes, 16);
  const auto pieces = [&] {
    int count = 0;
    while (pool.back_some()) ++count;
    return count;
  };
  EXPECT_EQ(pieces(), 0) << "nothing before the first use";
  uint8_t* data = pool.slabs().slabs[0]->host_data();
  data[4096] = 7;
  for (int i = 0; i < 4; ++i) pool.allocate();
  EXPECT_EQ(pieces(), kPieces);
  EXPECT_EQ(pieces(), 0);
  EXPECT_EQ(data[4096], 7);
  const auto page = pool.allocate();
  EXPECT_EQ(pieces(), kPieces) << "the fifth page of the first slab asks for the second";
  pool.release(*page);
  for (int i = 0; i < 12; ++i) pool.allocate();
  EXPECT_EQ(pieces(), 0) << "there is no third slab";
}

TEST_F(KvCache, SlabsThatNobodyUsesGoBackToTheSystem) {
  constexpr size_t kPageBytes = size_t{16} << 20;  // 8 pages a slab
  ThreadPool threads(1);
  const std::unique_ptr<Device> cpu = open_device("cpu", {}, threads);
  PagePool pool(*cpu, kPageBytes, 24);
  std::vector<int32_t> pages;
  for (int i = 0; i < 24; ++i) pages.push_back(*pool.allocate());
  const auto byte = [&](size_t slab) -> uint8_t& { return pool.slabs().slabs[slab]->host_data()[5000]; };
  for (size_t slab = 0; slab < 3; ++slab) byte(slab) = uint8_t(slab + 1);
  for (int i : {17, 20, 0, 1, 2, 3, 4, 5, 6, 7, 16, 18, 19, 21, 22, 23}) pool.release(pages[size_t(i)]);
  pool.release(pages[9]);
  pool.give_back_free();
  EXPECT_EQ(byte(0), 0);
  EXPECT_EQ(byte(1), 2) << "in use";
  EXPECT_EQ(byte(2), 0);
  EXPECT_EQ(pool.free_pages(), 17);
  for (int32_t page : {0, 1, 2, 3, 4, 5, 6, 7, 9, 16}) EXPECT_EQ(pool.allocate(), page) << "the first ones first";
}

TEST_F(KvCache, SameBeginningIsFoundInWholePages) {
  open({0}, 16);
  const Tokens first = tokens_from(0, 100);
  const PageTables computed = remember(first);
  EXPECT_EQ(cache_->size(), 3u);
  PageTables tables;
  const PrefixHit same = cache_->find(first, tables);
  EXPECT_EQ(same.tokens, 96);
  EXPECT_EQ(tables[0], computed[0]) << "the very pages";
  for (int32_t page : tables[0]) EXPECT_EQ(pools_[0]->references(page), 2);
  release(tables);
  Tokens longer = first;
  longer.resize(40);
  longer.resize(90, 7);
  EXPECT_EQ(hit(longer), 32) << "up to the page in which they part";
  EXPECT_EQ(hit(tokens_from(1, 100)), 0);
}

TEST_F(KvCache, TheLastTokenIsAlwaysComputed) {
  open({0}, 16);
  remember(tokens_from(0, 96));
  EXPECT_EQ(hit(tokens_from(0, 96)), 64);
  EXPECT_EQ(hit(tokens_from(0, 97)), 96);
  EXPECT_EQ(hit(tokens_from(0, 32)), 0);
  EXPECT_EQ(hit(tokens_from(0, 1)), 0);
}

TEST_F(KvCache, EqualPagesAfterDifferentBeginningsAreDifferent) {
  open({0}, 16);
  Tokens a = tokens_from(0, 64), b = tokens_from(1000, 32);
  b.insert(b.end(), a.begin() + 32, a.end());
  remember(a);
  const PageTables computed_b = remember(b);
  EXPECT_EQ(cache_->size(), 4u);
  b.push_back(1);
  PageTables tables;
  EXPECT_EQ(cache_->find(b, tables).tokens, 64);
  EXPECT_EQ(tables, computed_b);
  release(tables);
}

// The name of a chain is used once: what followed a page that is gone is not found behind its successor.
TEST_F(KvCache, NamesAreNotGivenTwice) {
  open({0}, 16);
  const Tokens tokens = tokens_from(0, 65);
  PageTables tables;
  cache_->find(tokens, tables);
  for (int i = 0; i < 2; ++i) tables[0].push_back(pools_[0]->allocate().value());
  const std::span<const TokenId> all(tokens);
  const uint64_t first = cache_->insert(0, all.first(32), 0, tables);
  cache_->clear();
  const uint64_t again = cache_->insert(0, all.first(32), 0, tables);
  EXPECT_NE(first, again);
  EXPECT_EQ(cache_->insert(first, all.subspan(32, 32), 1, tables), first);
  EXPECT_EQ(hit(tokens), 32);
  release(tables);
}

TEST_F(KvCache, EvictionTakesTheLeastRecentAndDeepestFirst) {
  open({0}, 8);
  const Tokens old = tokens_from(0, 65), recent = tokens_from(1000, 65);
  remember(old);
  remember(recent);
  EXPECT_EQ(pools_[0]->free_pages(), 4);
  EXPECT_EQ(hit(old), 64);  // used again: `recent` is now the older one
  ASSERT_TRUE(cache_->evict(0));
  EXPECT_EQ(hit(recent), 32) << "its second page went";
  ASSERT_TRUE(cache_->evict(0));
  ASSERT_TRUE(cache_->evict(0));
  ASSERT_TRUE(cache_->evict(0));
  EXPECT_FALSE(cache_->evict(0));
  EXPECT_EQ(pools_[0]->free_pages(), 8);
  EXPECT_EQ(cache_->size(), 0u);
}

TEST_F(KvCache, PagesInUseAreNotEvicted) {
  open({0}, 8);
  remember(tokens_from(0, 65));
  PageTables tables;
  EXPECT_EQ(cache_->find(tokens_from(0, 65), tables).tokens, 64);
  EXPECT_FALSE(cache_->evict(0));
  release(tables);
  EXPECT_TRUE(cache_->evict(0));
}

TEST_F(KvCache, WindowsNeedOnlyTheirOwnPages) {
  open({0, 40}, 16);
  const Tokens tokens = tokens_from(0, 161);
  remember(tokens);
  PageTables tables;
  EXPECT_EQ(cache_->find(tokens, tables).tokens, 160);
  EXPECT_EQ(std::count(tables[1].begin(), tables[1].end(), -1), 3) << "position 160 sees 121 on: pages 3 and 4";
  release(tables);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(cache_->evict(1));
  EXPECT_EQ(hit(tokens), 160) << "what the window left behind goes first";
  ASSERT_TRUE(cache_->evict(1));
  EXPECT_EQ(hit(tokens), 0) << "position 160 lacks page 3, position 128 lacks page 2";
  while (cache_->evict(1)) {
  }
  EXPECT_EQ(cache_->size(), 5u) << "full pages may stay";
  remember(tokens);
  EXPECT_EQ(hit(tokens), 160) << "and are completed again";
}

// Two sequences that computed the same beginning at the same time: one's pages are the cache's, the other goes on.
TEST_F(KvCache, BeginningsOfChainsInUseCanStillBeEvicted) {
  open({0}, 8);
  const Tokens tokens = tokens_from(0, 97);
  const std::span<const TokenId> all(tokens);
  remember(tokens_from(0, 65));
  PageTables own{{}};
  uint64_t chain = 0;
  for (int32_t page = 0; page < 3; ++page) {
    own[0].push_back(pools_[0]->allocate().value());
    chain = cache_->insert(chain, all.subspan(size_t(page) * 32, 32), page, own);
  }
  EXPECT_EQ(pools_[0]->free_pages(), 3);
  EXPECT_TRUE(cache_->evict(0));
  EXPECT_TRUE(cache_->evict(0));
  EXPECT_FALSE(cache_->evict(0)) << "the third page is in use";
  EXPECT_EQ(pools_[0]->free_pages(), 5);
  release(own);
  EXPECT_TRUE(cache_->evict(0));
  EXPECT_EQ(pools_[0]->free_pages(), 8);
  EXPECT_EQ(cache_->insert(chain, all.first(32), 3, own), chain) << "nothing is added to a chain that is gone";
  EXPECT_EQ(cache_->size(), 0u);
}

TEST_F(KvCache, NodesWithoutPagesAreForgotten) {
  open({16}, 8);
  remember(tokens_from(0, 97));
  while (cache_->evict(0)) {
  }
  EXPECT_EQ(cache_->size(), 0u);
}

TEST_F(KvCache, RandomUseLosesNoPage) {
  open({0, 48}, 12);
  std::mt19937 random(5);
  for (int round = 0; round < 2000; ++round) {
    const Tokens tokens = tokens_from(TokenId(random() % 3) * 1000, 1 + int32_t(random() % 130));
    for (size_t g = 0; g < 2; ++g) {
      while (pools_[g]->free_pages() < 5) ASSERT_TRUE(cache_->evict(int32_t(g)));
    }
    remember(tokens);
  }
  cache_->clear();
  for (const auto& pool : pools_) EXPECT_EQ(pool->free_pages(), 12);
}

}  // namespace
}  // namespace vivace
