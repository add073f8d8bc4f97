// Benchmarks side by side: two results, or one against the machine's own record. On the JSON that `vivace bench`
// prints.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json_fwd.h"

namespace vivace {

/// One speed in two results.
struct SpeedChange {
  std::string what;   // "prefill" or "decode"
  double before = 0;  // tokens per second, medians
  double after = 0;
  bool beyond_noise = false;  // the runs' ranges don't meet
  double ratio() const { return before > 0 ? after / before : 0; }
};

/// What both results measured. Throws Error kInvalidFile where one of them is no result of a benchmark.
std::vector<SpeedChange> compare_benchmarks(const Json& before, const Json& after);

/// Speeds of the newest result that stay more than 5 % below the best of the earlier ones, beyond noise. Earlier ones
/// that can't be read don't count.
std::vector<SpeedChange> slower_than_record(std::span<const Json> earlier, const Json& newest);

}  // namespace vivace
