#include "text/answer/lattice_arguments.h"

#include <optional>

#include "base/error.h"
#include "base/json.h"

namespace vivace {
namespace {

constexpr std::string_view kQuote = "<|\"|>";
constexpr int kDeepest = 64;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::optional<Json> whole() {
    auto value = read(0);
    skip_spaces();
    return value && text_.empty() ? value : std::nullopt;
  }

 private:
  void skip_spaces() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\n')) text_.remove_prefix(1);
  }

  bool take(std::string_view what) {
    skip_spaces();
    if (!text_.starts_with(what)) return false;
    text_.remove_prefix(what.size());
    return true;
  }

  std::string until(std::string_view stops) {
    const size_t end = std::min(text_.find_first_of(stops), text_.size());
    std::string found(text_.substr(0, end));
    text_.remove_prefix(end);
    return found;
  }

  std::optional<Json> read(int depth) {
    if (depth > kDeepest) return std::nullopt;
    if (take("{")) return members(depth);
    if (take("[")) return elements(depth);
    if (take(kQuote)) return quoted();
    skip_spaces();
    const std::string word = until(",}]");
    if (word == "None" || word == "null") return Json(nullptr);
    if (word == "True") return Json(true);
    if (word == "False") return Json(false);
    try {
      return parse_json(word);
    } catch (const Error&) {
      return Json(word);
    }
  }

  std::optional<Json> quoted() {
    const size_t end = text_.find(kQuote);
    if (end == std::string_view::npos) return std::nullopt;
    Json value = std::string(text_.substr(0, end));
    text_.remove_prefix(end + kQuote.size());
    return value;
  }

  std::optional<Json> members(int depth) {
    Json object = Json::object();
    while (!take("}")) {
      std::string key;
      if (take(kQuote)) {
        const auto text = quoted();
        if (!text) return std::nullopt;
        key = text->get<std::string>();
      } else {
        key = until(":");
      }
      if (!take(":")) return std::nullopt;
      auto value = read(depth + 1);
      if (!value) return std::nullopt;
      object[key] = std::move(*value);
      if (!take(",") && !text_.starts_with("}")) return std::nullopt;
    }
    return object;
  }

  std::optional<Json> elements(int depth) {
    Json array = Json::array();
    while (!take("]")) {
      auto value = read(depth + 1);
      if (!value) return std::nullopt;
      array.push_back(std::move(*value));
      if (!take(",") && !text_.starts_with("]")) return std::nullopt;
    }
    return array;
  }

  std::string_view text_;
};

}  // namespace

std::string json_of_lattice(std::string_view text) {
  const auto value = Reader(text).whole();
  return dump_json(value ? *value : Json(std::string(text)));
}

}  // namespace vivace
