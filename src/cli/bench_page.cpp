#include "cli/bench_page.h"

#include <algorithm>
#include <cstdlib>

#include "advise/html_page.h"
#include "advise/svg_plot.h"
#include "base/number_text.h"

namespace vivace {
namespace {

constexpr size_t kWhat = 1, kFirstNumber = 2;

size_t column_of(const std::vector<std::string>& heads, std::string_view name) {
  return size_t(std::find(heads.begin(), heads.end(), name) - heads.begin());
}

double number_in(const std::vector<std::string>& row, size_t column) {
  return column < row.size() ? std::strtod(row[column].c_str(), nullptr) : 0;
}

/// Prompts are read many times faster than answers are generated: a plot for each kind.
std::string bars_of(const std::vector<std::vector<std::string>>& rows, const std::string& what) {
  const size_t speed = column_of(rows[0], "tokens/s"), predicted = column_of(rows[0], "predicted");
  std::vector<StackBar> bars;
  for (size_t r = 1; r < rows.size(); ++r) {
    if (rows[r][kWhat] != what) continue;
    bars.push_back({rows[r][0], {{"measured", number_in(rows[r], speed)}}, number_in(rows[r], predicted)});
  }
  if (bars.empty()) return "";
  return "<h2>" + html_text(what) + "</h2>" + stacked_bars(bars, "tokens/s", "predicted");
}

}  // namespace

std::string bench_page(std::string_view title, std::string_view subtitle,
                       const std::vector<std::vector<std::string>>& rows) {
  return html_page(title, subtitle,
                   bars_of(rows, "prefill") + bars_of(rows, "decode") + bars_of(rows, "answers") + "<h2>Figures</h2>" +
                       html_table(rows, kFirstNumber));
}

std::string sweep_page(std::string_view title, std::string_view subtitle, const SweepResult& sweep) {
  LinePlot prefill{"layers on the GPU", "prefill, tokens/s", {}}, decode{"layers on the GPU", "decode, tokens/s", {}};
  std::vector<std::vector<std::string>> rows = {{"layers on the GPU", "prefill", "decode", ""}};
  for (const SweepPoint& point : sweep.points) {
    std::vector<std::string>& row = rows.emplace_back(1, std::to_string(point.gpu_layers));
    const auto add = [&](const Measurement& measured, LinePlot& plot) {
      const bool is_there = point.refusal.empty() && measured.run.tokens > 0;
      row.push_back(is_there ? fixed_text(measured.rates.median, 1) : "");
      if (is_there) plot.points.push_back({double(point.gpu_layers), measured.rates.median});
    };
    add(point.speeds.prefill, prefill);
    add(point.speeds.decode, decode);
    row.push_back(point.refusal);
  }
  std::string body;
  for (const LinePlot* plot : {&prefill, &decode}) body += line_plot(*plot);
  return html_page(title, subtitle, body + "<h2>Figures</h2>" + html_table(rows, 1));
}

}  // namespace vivace
