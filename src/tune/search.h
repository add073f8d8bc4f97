// Finding the fastest values of levers by noisy measurements. Pure: knows no models and no clocks; tested on simulated
// machines.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace vivace {

/// What can be turned, and how far. Numbers ascend: the best of a few is then looked for among its neighbours.
struct Lever {
  std::string name;
  std::vector<std::string> values;  // at least one
  int32_t start = 0;                // index of what stands without tuning
  bool is_number = false;
};

/// An index into the values of each lever.
using Choice = std::vector<int32_t>;

struct SearchOptions {
  /// What lies closer than this is as good: measuring goes on only as long as larger differences are open.
  double worth = 0.015;
  int32_t most_rounds = 32;  // measurements of a value in one race
  int32_t check_rounds = 9;  // pairs that compare the result with the start, at least three of them whatever the time
  /// False: no time left; the search ends with what it knows.
  std::function<bool()> go_on;
  /// False: this lever has had its share of the time; what is fastest so far counts. Asked after each round.
  std::function<bool(int32_t lever)> race_on;
  /// Called before each measurement with a lever's index, or the number of levers at the last check.
  std::function<void(int32_t lever)> progress;
};

/// How one lever was set.
struct LeverResult {
  int32_t value = 0;
  double gain = 1;  // measured speed over that of the lever's start, the others as they were then
  int32_t measurements = 0;
};

struct SearchResult {
  Choice choice;
  std::vector<LeverResult> levers;
  // Speed of the choice over that of the start, from pairs measured one after the other: median and 90 % interval.
  double gain = 1, gain_low = 1, gain_high = 1;
  bool complete = true;  // false: go_on ended it
};

/// `speed` measures a choice: more is better, and the same choice gives something else each time. Lever after lever,
/// values are measured in turns, forwards and backwards so that drift cancels, and leave as soon as they are slower
/// beyond doubt; the start is kept where nothing is faster.
SearchResult search_fastest(std::span<const Lever> levers, const std::function<double(const Choice&)>& speed,
                            const SearchOptions& options = {});

}  // namespace vivace
