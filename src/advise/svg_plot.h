// Two kinds of plots as inline SVG: stacked bars, and one line over a range.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vivace {

/// `text` with <, >, & and quotes escaped.
std::string html_text(std::string_view text);

struct StackPart {
  std::string name;
  double value = 0;
};

struct StackBar {
  std::string label;
  std::vector<StackPart> parts;  // the same names in the same order in every bar
  double limit = 0;              // a mark: what there is at most; 0: none
};

/// Horizontal stacked bars with a legend; `unit` of the values, which are written with one digit after the point, and
/// what the limits are: "usable".
std::string stacked_bars(const std::vector<StackBar>& bars, std::string_view unit, std::string_view limit_name);

struct LinePoint {
  double x = 0;
  double y = 0;
};

struct LinePlot {
  std::string x_title, y_title;
  std::vector<LinePoint> points;  // ascending in x
  bool logarithmic_x = false;
  double marked_x = -1;  // drawn as a dot: the plan's own value; negative: none
};

std::string line_plot(const LinePlot& plot);

}  // namespace vivace
