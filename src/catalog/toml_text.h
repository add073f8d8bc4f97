// TOML as JSON, and rows of it whose fields are checked as they are read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"

namespace vivace {

/// Throws Error kInvalidFile that names the text (`origin`) and the line.
Json parse_toml(std::string_view text, const std::string& origin);

/// One table. The functions throw Error kInvalidFile that names origin, row and field.
class CatalogRow {
 public:
  CatalogRow(const Json& table, std::string origin);

  std::string text(const char* field) const;
  std::string text(const char* field, std::string_view fallback) const;
  double number(const char* field) const;
  double number(const char* field, double fallback) const;
  int32_t whole(const char* field) const;
  int32_t whole(const char* field, int32_t fallback) const;
  bool flag(const char* field) const;  // false where it is left out
  /// Throws where the table has a field that nothing has asked for: a slip of the pen.
  void check_all_used() const;

 private:
  const Json* find(const char* field) const;
  [[noreturn]] void fail(const char* field, const std::string& what) const;

  const Json& table_;
  std::string origin_;
  mutable std::vector<std::string> used_;
};

/// "RTX 4090" as one types it: "rtx-4090".
std::string catalog_key(std::string_view name);

}  // namespace vivace
