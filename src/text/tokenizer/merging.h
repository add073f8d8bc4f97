// Merging neighbours, best pair first and leftmost among equals: the loop that BPE and SentencePiece's BPE share.
// Short words run a plain scan, long ones a queue of positions per rank, so that 10 MB without a space stay linear.
#pragma once

#include <algorithm>
#include <cstdint>
#include <queue>
#include <unordered_map>
#include <vector>

namespace vivace {

inline constexpr uint32_t kNoMerge = ~0U;

struct Merge {
  uint32_t rank = kNoMerge;  // lower is better
  int32_t id = -1;           // what the pair becomes
};

/// A symbol of the text: bytes [begin, next symbol's begin).
struct MergeSymbol {
  uint32_t begin;
  int32_t id;
};

/// Positions waiting to be merged, given out by rank, then position.
class MergeQueue {
 public:
  void push(uint32_t rank, uint32_t position) {
    Bucket& bucket = at(rank);
    if (!bucket.waiting) {
      bucket.waiting = true;
      ranks_.push(rank);
    }
    if (bucket.open) {
      bucket.late.push(position);
    } else {
      bucket.positions.push_back(position);
    }
  }

  /// False when nothing waits.
  bool pop(uint32_t& rank, uint32_t& position) {
    while (!ranks_.empty()) {
      rank = ranks_.top();
      Bucket& bucket = at(rank);
      if (!bucket.open) {
        if (!std::is_sorted(bucket.positions.begin(), bucket.positions.end())) {
          std::sort(bucket.positions.begin(), bucket.positions.end());
        }
        bucket.open = true;
      }
      const bool early = bucket.cursor < bucket.positions.size();
      if (!bucket.late.empty() && (!early || bucket.late.top() < bucket.positions[bucket.cursor])) {
        position = bucket.late.top();
        bucket.late.pop();
        return true;
      }
      if (early) {
        position = bucket.positions[bucket.cursor++];
        return true;
      }
      bucket.positions.clear();
      bucket.cursor = 0;
      bucket.open = bucket.waiting = false;
      ranks_.pop();
    }
    return false;
  }

 private:
  struct Bucket {
    std::vector<uint32_t> positions;
    std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> late;  // came after the sort
    size_t cursor = 0;
    bool open = false;
    bool waiting = false;
  };

  Bucket& at(uint32_t rank) {
    if (rank != last_rank_ || last_ == nullptr) {
      last_ = &buckets_[rank];  // references into an unordered_map stay valid
      last_rank_ = rank;
    }
    return *last_;
  }

  std::unordered_map<uint32_t, Bucket> buckets_;
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> ranks_;
  uint32_t last_rank_ = 0;
  Bucket* last_ = nullptr;
};

/// Reusable memory of merge_symbols.
struct MergeScratch {
  std::vector<uint32_t> next, previous;
  std::vector<Merge> merges;
};

inline constexpr size_t kShortWord = 96;

namespace merging_detail {

template <class FindMerge>
void merge_short(std::vector<MergeSymbol>& symbols, uint32_t end, const FindMerge& find) {
  size_t count = symbols.size();
  const auto begin_of = [&](size_t i) { return i < count ? symbols[i].begin : end; };
  Merge merges[kShortWord];
  const auto look = [&](size_t i) {
    merges[i] = find(symbols[i].id, symbols[i + 1].id, symbols[i].begin, begin_of(i + 2));
  };
  for (size_t i = 0; i + 1 < count; ++i) look(i);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == kNoMerge) break;
    symbols[best].id = merges[best].id;
    for (size_t i = best + 1; i + 1 < count; ++i) symbols[i] = symbols[i + 1];
    for (size_t i = best + 1; i + 2 < count; ++i) merges[i] = merges[i + 1];
    --count;
    if (best > 0) look(best - 1);
    if (best + 1 < count) look(best);
  }
  symbols.resize(count);
}

template <class FindMerge>
void merge_long(std::vector<MergeSymbol>& symbols, uint32_t end, const FindMerge& find, MergeScratch& scratch) {
  const uint32_t count = static_cast<uint32_t>(symbols.size());
  auto& next = scratch.next;
  auto& previous = scratch.previous;
  auto& merges = scratch.merges;
  next.resize(count);
  previous.resize(count);
  merges.assign(count, Merge{});
  MergeQueue queue;
  const auto begin_of = [&](uint32_t i) { return i < count ? symbols[i].begin : end; };
  const auto look = [&](uint32_t i) {
    const uint32_t right = next[i];
    const Merge merge =
        right < count ? find(symbols[i].id, symbols[right].id, symbols[i].begin, begin_of(next[right])) : Merge{};
    merges[i] = merge;
    if (merge.rank != kNoMerge) queue.push(merge.rank, i);
  };
  for (uint32_t i = 0; i < count; ++i) {
    next[i] = i + 1;
    previous[i] = i - 1;  // of 0: never looked at
  }
  for (uint32_t i = 0; i + 1 < count; ++i) look(i);
  uint32_t rank, left;
  while (queue.pop(rank, left)) {
    if (merges[left].rank != rank) continue;  // one of the two has been merged since
    const uint32_t right = next[left];
    symbols[left].id = merges[left].id;
    next[left] = next[right];
    if (next[right] < count) previous[next[right]] = left;
    merges[right] = Merge{};
    look(left);
    if (left != 0) look(previous[left]);
  }
  size_t kept = 0;
  for (uint32_t i = 0; i < count; i = next[i]) symbols[kept++] = symbols[i];
  symbols.resize(kept);
}

}  // namespace merging_detail

/// Merges `symbols`, which cover a text up to byte `end`, until no neighbours merge any more.
/// `find(left_id, right_id, begin, end)` says what a pair covering bytes [begin, end) becomes.
template <class FindMerge>
void merge_symbols(std::vector<MergeSymbol>& symbols, uint32_t end, const FindMerge& find, MergeScratch& scratch) {
  if (symbols.size() < 2) return;
  if (symbols.size() <= kShortWord) {
    merging_detail::merge_short(symbols, end, find);
  } else {
    merging_detail::merge_long(symbols, end, find, scratch);
  }
}

}  // namespace vivace
