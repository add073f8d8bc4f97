// What the pages of `plan --html` and `bench --format html` share: one file each, nothing loaded from elsewhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vivace {

/// A whole page. `title` and `subtitle` are text, `body` is HTML.
std::string html_page(std::string_view title, std::string_view subtitle, std::string_view body);

/// Rows of text, the first of them the heads. Columns from `numbers_from` on are numbers.
std::string html_table(const std::vector<std::vector<std::string>>& rows, size_t numbers_from);

}  // namespace vivace
