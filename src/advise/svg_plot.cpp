#include "advise/svg_plot.h"

#include <algorithm>
#include <cmath>

#include "base/number_text.h"

namespace vivace {
namespace {

std::string at(double value) { return fixed_text(value, 1); }

/// 0.5 -> "0.5", 1250 -> "1250", 131072 -> "128K" where that is exact.
std::string tick(double value) {
  if (value >= 1024 && std::fmod(value, 1024) == 0) return fixed_text(value / 1024, 0) + "K";
  return fixed_text(value, value != 0 && std::abs(value) < 10 && std::fmod(value, 1) != 0 ? 1 : 0);
}

std::string text_at(double x, double y, std::string_view anchor, std::string_view text, std::string_view kind = "") {
  return "<text x=\"" + at(x) + "\" y=\"" + at(y) + "\" text-anchor=\"" + std::string(anchor) + "\"" +
         (kind.empty() ? "" : " class=\"" + std::string(kind) + "\"") + ">" + html_text(text) + "</text>";
}

std::string line_at(double x1, double y1, double x2, double y2, std::string_view kind) {
  return "<line x1=\"" + at(x1) + "\" y1=\"" + at(y1) + "\" x2=\"" + at(x2) + "\" y2=\"" + at(y2) + "\" class=\"" +
         std::string(kind) + "\"/>";
}

/// A round step of at most `parts` steps up to `most`.
double round_step(double most, int parts) {
  const double raw = std::max(most, 1e-9) / parts, power = std::pow(10, std::floor(std::log10(raw)));
  for (double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw) return factor * power;
  }
  return 10 * power;
}

constexpr double kWidth = 640, kLeft = 64, kRight = 16;

}  // namespace

std::string html_text(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    switch (c) {
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '&':
        escaped += "&amp;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string stacked_bars(const std::vector<StackBar>& bars, std::string_view unit, std::string_view limit_name) {
  constexpr double kBar = 26, kGap = 30, kTop = 8, kLetter = 7;
  size_t letters = 0;
  for (const StackBar& bar : bars) letters = std::max(letters, bar.label.size());
  const double left = std::clamp(kLetter * double(letters) + 16, 96.0, 260.0);
  const double right = kLetter * double(unit.size() + 8);  // a number before it
  const auto sum_of = [](const StackBar& bar) {
    double sum = 0;
    for (const StackPart& part : bar.parts) sum += part.value;
    return sum;
  };
  double longest = 0;
  for (const StackBar& bar : bars) longest = std::max(longest, sum_of(bar));
  // A limit far beyond every bar would leave no room to see them.
  const auto shows_limit = [&](const StackBar& bar) { return bar.limit > 0 && bar.limit <= 3 * longest; };
  double most = longest;
  for (const StackBar& bar : bars) most = std::max(most, shows_limit(bar) ? bar.limit : 0);
  if (bars.empty() || most <= 0) return "";
  const double scale = (kWidth - left - right) / most, height = kTop + double(bars.size()) * (kBar + kGap) + 28;
  std::string svg = "<svg viewBox=\"0 0 " + at(kWidth) + " " + at(height) + "\" role=\"img\">";
  double y = kTop;
  for (const StackBar& bar : bars) {
    double x = left;
    svg += text_at(left - 8, y + kBar * 0.68, "end", bar.label);
    for (size_t i = 0; i < bar.parts.size(); ++i) {
      const double width = bar.parts[i].value * scale;
      svg += "<rect x=\"" + at(x) + "\" y=\"" + at(y) + "\" width=\"" + at(width) + "\" height=\"" + at(kBar) +
             "\" class=\"part" + std::to_string(i) + "\"><title>" + html_text(bar.parts[i].name) + ": " +
             fixed_text(bar.parts[i].value, 2) + " " + html_text(unit) + "</title></rect>";
      x += width;
    }
    const double sum = sum_of(bar), limit = left + bar.limit * scale;
    const bool in_the_way = shows_limit(bar) && limit > x - 2 && limit < x + 80;
    svg += text_at((in_the_way ? limit : x) + 6, y + kBar * 0.68, "start",
                   fixed_text(sum, sum < 10 ? 2 : 1) + " " + std::string(unit));
    if (shows_limit(bar)) {
      svg += line_at(limit, y - 4, limit, y + kBar + 4, "limit");
      svg += text_at(limit, y + kBar + 17, "middle", fixed_text(bar.limit, 1) + " " + std::string(limit_name), "small");
    }
    y += kBar + kGap;
  }
  double x = left;
  for (size_t i = 0; i < bars[0].parts.size(); ++i) {
    svg += "<rect x=\"" + at(x) + "\" y=\"" + at(y + 2) + "\" width=\"12\" height=\"12\" class=\"part" +
           std::to_string(i) + "\"/>" + text_at(x + 18, y + 12, "start", bars[0].parts[i].name);
    x += 30 + 8.0 * double(bars[0].parts[i].name.size());
  }
  return svg + "</svg>";
}

std::string line_plot(const LinePlot& plot) {
  constexpr double kHeight = 260, kTop = 14, kBottom = 46;
  if (plot.points.size() < 2) return "";
  double most = 0;
  for (const LinePoint& point : plot.points) most = std::max(most, point.y);
  const double step = round_step(most, 5), top = std::ceil(most / step) * step;
  const auto scaled = [&](double x) { return plot.logarithmic_x ? std::log2(std::max(x, 1e-9)) : x; };
  const double first = scaled(plot.points.front().x), last = scaled(plot.points.back().x);
  const auto px = [&](double x) {
    return kLeft + (scaled(x) - first) / std::max(last - first, 1e-9) * (kWidth - kLeft - kRight);
  };
  const auto py = [&](double y) { return kHeight - kBottom - y / top * (kHeight - kTop - kBottom); };
  std::string svg = "<svg viewBox=\"0 0 " + at(kWidth) + " " + at(kHeight) + "\" role=\"img\">";
  for (double y = 0; y <= top * 1.0001; y += step) {
    svg += line_at(kLeft, py(y), kWidth - kRight, py(y), "grid") + text_at(kLeft - 6, py(y) + 4, "end", tick(y));
  }
  double labelled = -1e9;
  for (const LinePoint& point : plot.points) {
    if (px(point.x) - labelled < 42) continue;
    labelled = px(point.x);
    svg += text_at(labelled, kHeight - kBottom + 18, "middle", tick(point.x));
  }
  std::string path;
  for (const LinePoint& point : plot.points) path += at(px(point.x)) + "," + at(py(point.y)) + " ";
  svg += "<polyline points=\"" + path + "\" class=\"curve\"/>";
  for (const LinePoint& point : plot.points) {
    const bool marked = point.x == plot.marked_x;
    svg += "<circle cx=\"" + at(px(point.x)) + "\" cy=\"" + at(py(point.y)) + "\" r=\"" + (marked ? "6" : "3") +
           "\" class=\"" + (marked ? "marked" : "dot") + "\"><title>" + tick(point.x) + ": " +
           fixed_text(point.y, point.y < 10 ? 2 : 1) + "</title></circle>";
  }
  svg += text_at((kLeft + kWidth - kRight) / 2, kHeight - 8, "middle", plot.x_title, "small");
  svg += text_at(kLeft, kTop - 3, "start", plot.y_title, "small");
  return svg + "</svg>";
}

}  // namespace vivace
