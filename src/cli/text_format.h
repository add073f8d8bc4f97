// Numbers and tables as people read them; independent of the locale.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/number_text.h"

namespace vivace {

/// "512 B", "1.5 KiB", "91.7 MiB": three digits that count.
std::string bytes_text(uint64_t bytes);
/// "135 M", "7.24 B": counts of parameters.
std::string count_text(uint64_t count);
/// "0.083 s", "12.4 s".
std::string seconds_text(double seconds);

/// How far a ratio is from 1: "+8.1 %", "-20 %".
std::string signed_percent_text(double ratio, int digits);

/// A bar of blocks, `share` (0 to 1) of twenty columns long.
std::string bar_text(double share);

/// Characters (code points) of UTF-8 text: the columns it takes in a terminal, near enough.
size_t text_columns(std::string_view text);
/// Control characters as \n, \t, \x1b; broken UTF-8 as U+FFFD; cut with "…" beyond `most` characters.
std::string printable_text(std::string_view text, size_t most);

/// Rows of cells, aligned in columns.
class TextTable {
 public:
  enum class Align { kLeft, kRight };
  /// `indent`: spaces before each line.
  explicit TextTable(std::vector<Align> columns, int indent = 0) : columns_(std::move(columns)), indent_(indent) {}
  /// Missing cells are empty; the last column is never padded.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  std::string text() const;

 private:
  std::vector<Align> columns_;
  int indent_;
  std::vector<std::vector<std::string>> rows_;
};

/// Breaks text at spaces so that no line is longer than `width`; every line but the first begins with `indent` spaces.
std::string wrapped_text(std::string_view text, size_t width, size_t indent);

}  // namespace vivace
