#include "advise/bench_history.h"

#include "base/error.h"
#include "base/json.h"

namespace vivace {
namespace {

constexpr double kTolerated = 0.95;  // of the record

struct Range {
  double median = 0, min = 0, max = 0;
};

/// Zeros where nothing was measured.
Range range_of(const Json& result, const char* what) {
  try {
    const Json& speed = result.at(what);
    if (speed.at("tokens").get<int64_t>() == 0) return {};
    const Json& rates = speed.at("tokens_per_second");
    return {rates.at("median").get<double>(), rates.at("min").get<double>(), rates.at("max").get<double>()};
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kInvalidFile, std::string("no result of vivace bench --json: ") + error.what());
  }
}

}  // namespace

std::vector<SpeedChange> compare_benchmarks(const Json& before, const Json& after) {
  std::vector<SpeedChange> changes;
  for (const char* what : {"prefill", "decode"}) {
    const Range a = range_of(before, what), b = range_of(after, what);
    if (a.median <= 0 || b.median <= 0) continue;
    changes.push_back({what, a.median, b.median, b.max < a.min || b.min > a.max});
  }
  return changes;
}

std::vector<SpeedChange> slower_than_record(std::span<const Json> earlier, const Json& newest) {
  std::vector<SpeedChange> slower;
  for (const char* what : {"prefill", "decode"}) {
    const Range now = range_of(newest, what);
    Range record;
    for (const Json& result : earlier) {
      try {
        const Range range = range_of(result, what);
        if (range.median > record.median) record = range;
      } catch (const Error&) {
        continue;
      }
    }
    if (now.median <= 0 || record.median <= 0) continue;
    const bool beyond_noise = now.max < record.min;
    if (beyond_noise && now.median < kTolerated * record.median)
      slower.push_back({what, record.median, now.median, true});
  }
  return slower;
}

}  // namespace vivace
