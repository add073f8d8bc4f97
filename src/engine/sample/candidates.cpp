#include "engine/sample/candidates.h"

#include <algorithm>
#include <cmath>

namespace vivace {
namespace {

bool better(const Candidate& a, const Candidate& b) { return a.logit > b.logit || (a.logit == b.logit && a.id < b.id); }

}  // namespace

void Candidates::assign(std::span<const float> logits, size_t count) {
  tokens.clear();
  sorted = normalised = false;
  if (count == 0 || count >= logits.size()) {
    tokens.reserve(logits.size());
    for (size_t i = 0; i < logits.size(); ++i) tokens.push_back({TokenId(i), logits[i], 0});
    return;
  }
  // A heap of the best so far, its worst on top: most tokens of a large vocabulary cost one comparison.
  for (size_t i = 0; i < logits.size(); ++i) {
    const Candidate candidate{TokenId(i), logits[i], 0};
    if (tokens.size() == count) {
      if (!better(candidate, tokens.front())) continue;
      std::pop_heap(tokens.begin(), tokens.end(), better);
      tokens.pop_back();
    }
    tokens.push_back(candidate);
    std::push_heap(tokens.begin(), tokens.end(), better);
  }
  std::sort_heap(tokens.begin(), tokens.end(), better);
  sorted = true;
}

void Candidates::sort() {
  if (!sorted) std::sort(tokens.begin(), tokens.end(), better);
  sorted = true;
}

void Candidates::normalise() {
  sort();
  if (normalised) return;
  const float highest = tokens.front().logit;
  double sum = 0;
  for (Candidate& token : tokens) sum += token.probability = std::exp(token.logit - highest);
  for (Candidate& token : tokens) token.probability = float(token.probability / sum);
  normalised = true;
}

void Candidates::keep(size_t count) {
  count = std::max<size_t>(count, 1);
  if (count >= tokens.size()) return;
  tokens.resize(count);
  normalised = false;
}

}  // namespace vivace
