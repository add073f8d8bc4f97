// Reads the fields of a request's JSON object: types and ranges are checked, and what is wrong is named.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace vivace {

/// A field that is null counts as missing. Every reader throws ApiError 400 that names the field. The object must
/// outlive this.
class JsonFields {
 public:
  /// Throws ApiError where `value` is no object; `where`: its name for messages ("": the body).
  explicit JsonFields(const Json& value, std::string where = {});

  const Json* find(std::string_view name);
  std::optional<std::string> text(std::string_view name);
  std::string required_text(std::string_view name);
  std::optional<bool> flag(std::string_view name);
  std::optional<double> number(std::string_view name, double least, double most);
  std::optional<int64_t> integer(std::string_view name, int64_t least, int64_t most);
  /// The same where it fits 32 bits.
  std::optional<int32_t> whole(std::string_view name, int32_t least, int32_t most);
  const Json* object(std::string_view name);
  const Json* array(std::string_view name);
  /// A string, or an array of strings.
  std::vector<std::string> texts(std::string_view name);

  /// Where fields that nobody asked for are errors.
  void refuse_others() const;
  /// "messages[2].content" from "content".
  std::string path(std::string_view name) const;

 private:
  [[noreturn]] void wrong(std::string_view name, const std::string& wanted) const;

  const Json& object_;
  std::string where_;
  std::set<std::string, std::less<>> known_;
};

/// A list of integers that is not empty: ids of tokens instead of a text.
bool is_token_list(const Json& value);

/// The body of a request. Throws ApiError 400 for what is no JSON.
Json parse_body(std::string_view body);

}  // namespace vivace
