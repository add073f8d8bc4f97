#include "cli/text_format.h"

#include <algorithm>
#include <cmath>

#include "base/utf8.h"

namespace vivace {
namespace {

// Three digits that count: 1.23, 12.3, 123.
std::string three_digits(double value) { return fixed_text(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0); }

std::string scaled(double value, double step, const char* const* units, size_t count) {
  size_t unit = 0;
  while (unit + 1 < count && value >= step * 0.9995) {
    value /= step;
    ++unit;
  }
  return (unit == 0 ? fixed_text(value, 0) : three_digits(value)) + units[unit];
}

}  // namespace

std::string bytes_text(uint64_t bytes) {
  static constexpr const char* kUnits[] = {" B", " KiB", " MiB", " GiB", " TiB"};
  return scaled(static_cast<double>(bytes), 1024, kUnits, std::size(kUnits));
}

std::string count_text(uint64_t count) {
  static constexpr const char* kUnits[] = {"", " K", " M", " B", " T"};
  return scaled(static_cast<double>(count), 1000, kUnits, std::size(kUnits));
}

std::string seconds_text(double seconds) { return fixed_text(seconds, seconds < 1 ? 3 : seconds < 100 ? 2 : 0) + " s"; }

std::string signed_percent_text(double ratio, int digits) {
  const double percent = 100 * (ratio - 1);
  return (percent >= 0 ? "+" : "") + fixed_text(percent, digits) + " %";
}

std::string bar_text(double share) {
  constexpr int kColumns = 20;
  constexpr const char* kParts[] = {"", "\u258F", "\u258E", "\u258D", "\u258C", "\u258B", "\u258A", "\u2589"};
  const int eighths = int(std::lround(std::clamp(share, 0.0, 1.0) * kColumns * 8));
  std::string text;
  for (int i = 0; i < eighths / 8; ++i) text += "\u2588";
  return text + kParts[eighths % 8];
}

size_t text_columns(std::string_view text) {
  size_t columns = 0;
  for (unsigned char c : text) columns += (c & 0xC0) != 0x80;
  return columns;
}

std::string printable_text(std::string_view text, size_t most) {
  // A character takes at most four bytes: no need to look at the rest of a long text.
  const bool long_text = text.size() > most * 4;
  const std::string clean = replace_invalid_utf8(text.substr(0, long_text ? most * 4 + 4 : text.size()));
  static constexpr char kHex[] = "0123456789abcdef";
  std::string result;
  size_t characters = 0;
  for (size_t i = 0; i < clean.size();) {
    if (characters == most) return result + "…";
    const auto c = static_cast<unsigned char>(clean[i]);
    if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (c < 0x20 || c == 0x7F) {
      result += std::string("\\x") + kHex[c >> 4] + kHex[c & 15];
    } else {
      size_t length = 1;
      while (i + length < clean.size() && (static_cast<unsigned char>(clean[i + length]) & 0xC0) == 0x80) ++length;
      result += clean.substr(i, length);
      i += length - 1;
    }
    ++i;
    ++characters;
  }
  return long_text ? result + "…" : result;
}

std::string TextTable::text() const {
  std::vector<size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    for (size_t c = 0; c < row.size() && c < widths.size(); ++c) widths[c] = std::max(widths[c], text_columns(row[c]));
  }
  std::string result;
  for (const auto& row : rows_) {
    std::string line(static_cast<size_t>(indent_), ' ');
    for (size_t c = 0; c < row.size() && c < widths.size(); ++c) {
      if (c > 0) line += "  ";
      const std::string padding(widths[c] - text_columns(row[c]), ' ');
      line += columns_[c] == Align::kRight ? padding + row[c] : row[c] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    result += line + "\n";
  }
  return result;
}

std::string wrapped_text(std::string_view text, size_t width, size_t indent) {
  std::string result;
  size_t column = indent;
  bool line_empty = true;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    if (!word.empty()) {
      if (!line_empty && column + 1 + text_columns(word) > width) {
        result += "\n" + std::string(indent, ' ');
        column = indent;
        line_empty = true;
      }
      if (!line_empty) {
        result += ' ';
        ++column;
      }
      result += word;
      column += text_columns(word);
      line_empty = false;
    }
    if (end == text.size()) break;
    if (text[end] == '\n') {
      result += "\n" + std::string(indent, ' ');
      column = indent;
      line_empty = true;
    }
    text.remove_prefix(end + 1);
  }
  return result;
}

}  // namespace vivace
