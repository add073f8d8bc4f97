// Finds special tokens written in a text, leftmost first and the longest of those that begin at one place.
#include "text/tokenizer/special_tokens.h"

#include <algorithm>
#include <cctype>

namespace vivace {
namespace {

// Keeps matching linear in the text whatever the file says.
constexpr size_t kLongestSpecial = 512;

bool contains_ignoring_case(std::string_view text, std::string_view lower) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
  return std::search(text.begin(), text.end(), lower.begin(), lower.end(), same) != text.end();
}

bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

void SpecialTokens::Matcher::add(std::string_view text, int32_t id) {
  trie.add(text, id);
  begins[static_cast<unsigned char>(text[0])] = 1;
}

SpecialTokens::SpecialTokens(const TokenTable& vocabulary, std::vector<std::string>& notes) : vocabulary_(vocabulary) {
  size_t too_long = 0;
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    const std::string_view text = vocabulary.text(id);
    const bool user_defined = vocabulary.type(id) == TokenType::kUserDefined;
    if (text.empty() || (!user_defined && !vocabulary.is_special(id))) continue;
    if (text.size() > kLongestSpecial) {
      ++too_long;
      continue;
    }
    if (user_defined) user_defined_.add(text, id);
    all_.add(text, id);
  }
  if (too_long != 0) {
    notes.push_back(std::to_string(too_long) + " special tokens are too long to be recognised in text");
  }
  set_strips(vocabulary);
}

// The file does not carry the published tokenizer's lstrip/rstrip; these are the models that have them.
void SpecialTokens::set_strips(const TokenTable& vocabulary) {
  const VocabularyData& data = vocabulary.data();
  phi3_ = contains_ignoring_case(data.general_name, "phi-3") || contains_ignoring_case(data.general_name, "phi3");
  if (data.pre == "jina-v2-de" || data.pre == "jina-v2-es" || data.pre == "jina-v2-code") {
    left_strip_ = vocabulary.find("<mask>");
  } else if (contains_ignoring_case(data.general_name, "modern-bert")) {
    left_strip_ = vocabulary.find("[MASK]");
  }
}

SpecialTokens::Strip SpecialTokens::strip_of(int32_t id) const {
  if (id == left_strip_) return kLeft;
  if (!phi3_) return kNone;
  const std::string_view text = vocabulary_.text(id);
  return text == "<unk>" || text == "<s>" || text == "<|endoftext|>" ? kNone : kRight;
}

void SpecialTokens::partition(std::string_view text, bool parse_special,
                              const std::function<void(std::string_view)>& text_part,
                              const std::function<void(int32_t)>& token) const {
  const Matcher& matcher = parse_special ? all_ : user_defined_;
  size_t begin = 0;
  const auto flush = [&](size_t end) {
    if (end > begin) text_part(text.substr(begin, end - begin));
  };
  if (!matcher.trie.empty()) {
    for (size_t at = 0; at < text.size();) {
      if (matcher.begins[static_cast<unsigned char>(text[at])] == 0) {
        ++at;
        continue;
      }
      const Trie::Match match = matcher.trie.longest(text, at);
      if (match.id < 0) {
        ++at;
        continue;
      }
      const Strip strip = strip_of(match.id);
      size_t end = at;
      while ((strip & kLeft) != 0 && end > begin && is_ascii_space(text[end - 1])) --end;
      flush(end);
      token(match.id);
      at += match.length;
      while ((strip & kRight) != 0 && at < text.size() && is_ascii_space(text[at])) ++at;
      begin = at;
    }
  }
  flush(text.size());
}

}  // namespace vivace
