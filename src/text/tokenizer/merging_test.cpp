// The short and the long way of merging agree, also where new pairs are better than the one at hand.
#include "text/tokenizer/merging.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace vivace {
namespace {

// The definition: again and again the best pair, leftmost among equals.
template <class Find>
void merge_plainly(std::vector<MergeSymbol>& symbols, uint32_t end, const Find& find) {
  for (;;) {
    Merge best;
    size_t place = 0;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const uint32_t stop = i + 2 < symbols.size() ? symbols[i + 2].begin : end;
      const Merge merge = find(symbols[i].id, symbols[i + 1].id, symbols[i].begin, stop);
      if (merge.rank < best.rank) {
        best = merge;
        place = i;
      }
    }
    if (best.rank == kNoMerge) return;
    symbols[place].id = best.id;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }
}

TEST(Merging, LongWordsMergeAsDefined) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    // Random tables of pairs: ranks in no sensible order, often equal.
    std::map<std::pair<int32_t, int32_t>, Merge> table;
    const int32_t ids = 2 + static_cast<int32_t>(random() % 6);
    for (int i = 0; i < 30; ++i) {
      const auto id = [&] { return static_cast<int32_t>(random() % static_cast<uint32_t>(ids)); };
      table[{id(), id()}] = {static_cast<uint32_t>(random() % 8), id()};
    }
    const auto find = [&](int32_t left, int32_t right, uint32_t, uint32_t) {
      const auto row = table.find({left, right});
      return row == table.end() ? Merge{} : row->second;
    };
    std::vector<MergeSymbol> expected;
    const uint32_t count = 1 + static_cast<uint32_t>(random() % 200);
    for (uint32_t i = 0; i < count; ++i) {
      expected.push_back({i, static_cast<int32_t>(random() % static_cast<uint32_t>(ids))});
    }
    auto quick = expected, long_way = expected;
    MergeScratch scratch;
    merge_plainly(expected, count, find);
    merge_symbols(quick, count, find, scratch);
    merging_detail::merge_long(long_way, count, find, scratch);
    ASSERT_EQ(quick.size(), expected.size());
    ASSERT_EQ(long_way.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(quick[i].id, expected[i].id);
      EXPECT_EQ(long_way[i].id, expected[i].id);
      EXPECT_EQ(long_way[i].begin, expected[i].begin);
    }
  }
}

}  // namespace
}  // namespace vivace
