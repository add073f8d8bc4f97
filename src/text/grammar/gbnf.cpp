#include "text/grammar/gbnf.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace vivace {
namespace {

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/// Lark's rules are lower case with underscores.
std::string rule_name(std::string_view name) {
  if (name == "root") return "start";
  std::string lark = "r_";
  for (char c : name) {
    if (c >= 'A' && c <= 'Z') {
      lark += '_';
      lark += char(c - 'A' + 'a');
    } else {
      lark += c == '-' ? '_' : c;
    }
  }
  return lark;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::string whole() {
    std::string lark;
    skip(true);
    while (at_ < text_.size()) {
      const std::string name = rule_name(word());
      skip(false);
      if (!text_.substr(at_).starts_with("::=")) fail("'::=' is missing");
      at_ += 3;
      skip(true);
      lark += name + ": " + alternatives(0) + "\n";
      skip(true);
    }
    if (lark.empty()) fail("there is no rule");
    return lark;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + std::ptrdiff_t(std::min(at_, text_.size())), '\n');
    throw Error(ErrorCode::kInvalidArgument, "the grammar, line " + std::to_string(line) + ": " + what);
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip(bool newlines) {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == ' ' || c == '\t' || c == '\r' || (newlines && c == '\n')) {
        ++at_;
      } else {
        return;
      }
    }
  }

  std::string word() {
    const size_t begin = at_;
    while (is_name_char(peek())) ++at_;
    if (at_ == begin) fail("a rule's name is missing");
    return std::string(text_.substr(begin, at_ - begin));
  }

  /// Whether a new rule begins here: a name and "::=".
  bool at_rule() const {
    size_t i = at_;
    while (i < text_.size() && is_name_char(text_[i])) ++i;
    if (i == at_) return false;
    while (i < text_.size() && (text_[i] == ' ' || text_[i] == '\t')) ++i;
    return text_.substr(i).starts_with("::=");
  }

  std::string alternatives(int depth) {
    if (depth > 100) fail("too many brackets");
    std::string lark = sequence(depth);
    while (peek() == '|') {
      ++at_;
      skip(true);
      lark += " | " + sequence(depth);
    }
    return lark;
  }

  std::string sequence(int depth) {
    std::string lark;
    while (at_ < text_.size() && peek() != '|' && peek() != ')' && !at_rule()) {
      if (peek() == '\n') {  // only inside brackets, or before a further alternative
        const size_t before = at_;
        skip(true);
        if (depth == 0 && peek() != '|') {
          at_ = before;
          break;
        }
        continue;
      }
      std::string item = one(depth);
      item += repetition();
      lark += (lark.empty() ? "" : " ") + item;
      skip(false);
    }
    return lark.empty() ? "\"\"" : lark;
  }

  std::string one(int depth) {
    const char c = peek();
    if (c == '"') return literal();
    if (c == '[') return characters();
    if (c == '.') {
      ++at_;
      return "/(.|\\n)/";
    }
    if (c == '(') {
      ++at_;
      skip(true);
      std::string lark = "(" + alternatives(depth + 1) + ")";
      skip(true);
      if (peek() != ')') fail("')' is missing");
      ++at_;
      return lark;
    }
    return rule_name(word());
  }

  std::string literal() {
    const size_t begin = at_++;
    while (at_ < text_.size() && peek() != '"') at_ += peek() == '\\' ? 2 : 1;
    if (at_ >= text_.size()) fail("a quotation mark is missing");
    ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string characters() {
    const size_t begin = at_++;
    while (at_ < text_.size() && peek() != ']') at_ += peek() == '\\' ? 2 : 1;
    if (at_ >= text_.size()) fail("']' is missing");
    ++at_;
    std::string regex = "/";
    for (char c : text_.substr(begin, at_ - begin)) regex += c == '/' ? std::string("\\/") : std::string(1, c);
    return regex + "/";
  }

  std::string repetition() {
    const char c = peek();
    if (c == '*' || c == '+' || c == '?') {
      ++at_;
      return std::string(1, c);
    }
    if (c != '{') return "";
    const size_t end = text_.find('}', at_);
    if (end == std::string_view::npos) fail("'}' is missing");
    std::string times(text_.substr(at_, end + 1 - at_));
    at_ = end + 1;
    return times;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

bool is_gbnf(std::string_view text) { return text.find("::=") != std::string_view::npos; }

std::string lark_of_gbnf(std::string_view text) { return Reader(text).whole(); }

}  // namespace vivace
