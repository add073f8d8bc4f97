// Results of benchmarks as a page: a plot, and the figures below it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/bench_sweep.h"

namespace vivace {

/// `rows` as `--format csv` has them, the first of them the heads, "tokens/s" and perhaps "predicted" among them.
std::string bench_page(std::string_view title, std::string_view subtitle,
                       const std::vector<std::vector<std::string>>& rows);

/// Speed against GPU layers.
std::string sweep_page(std::string_view title, std::string_view subtitle, const SweepResult& sweep);

}  // namespace vivace
