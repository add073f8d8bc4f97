// What a sampler works on: the tokens still in the race, most probable first once sorted.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/request.h"

namespace vivace {

struct Candidate {
  TokenId id = 0;
  float logit = 0;
  float probability = 0;  // where `normalised`
};

struct Candidates {
  std::vector<Candidate> tokens;  // never empty
  bool sorted = false;            // by descending logit, ties by ascending id
  bool normalised = false;        // probabilities are those of the logits

  /// Takes the best `count` of a vocabulary's logits, sorted; 0: all, unsorted.
  void assign(std::span<const float> logits, size_t count);
  void sort();
  /// Sorts and sets the probabilities: softmax over the logits.
  void normalise();
  /// Keeps the first `count` (at least one); probabilities must be set anew.
  void keep(size_t count);
};

}  // namespace vivace
