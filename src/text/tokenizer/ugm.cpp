// Unigram ("t5"): normalise, then the segmentation with the highest sum of scores (Viterbi).
// Source: Kudo, Subword Regularization (2018); SentencePiece's normaliser.
#include <algorithm>
#include <cmath>
#include <limits>

#include "text/tokenizer/charsmap.h"
#include "text/tokenizer/segments.h"
#include "text/tokenizer/token_model.h"
#include "text/tokenizer/trie.h"

namespace vivace {
namespace {

constexpr float kUnknownPenalty = 10.0F;  // SentencePiece's kUnkPenalty

class UgmModel final : public TokenModel {
 public:
  UgmModel(const TokenTable& vocabulary, bool add_space_prefix)
      : vocabulary_(vocabulary),
        charsmap_(vocabulary.data().precompiled_charsmap),
        add_space_prefix_(add_space_prefix),
        remove_extra_spaces_(vocabulary.data().remove_extra_whitespaces) {
    double lowest = std::numeric_limits<float>::max();
    for (int32_t id = 0; id < vocabulary.size(); ++id) {
      const TokenType type = vocabulary.type(id);
      if (type == TokenType::kNormal && std::isfinite(vocabulary.score(id))) {
        lowest = std::min(lowest, static_cast<double>(vocabulary.score(id)));
      }
      if (type == TokenType::kUnused || vocabulary.find_ordinary(vocabulary.text(id)) != id) continue;
      tokens_.add(vocabulary.text(id), id);
    }
    unknown_score_ = lowest == std::numeric_limits<float>::max() ? -kUnknownPenalty : lowest - kUnknownPenalty;
  }

  std::unique_ptr<Session> begin(size_t) const override { return std::make_unique<UgmSession>(*this); }

  std::string piece(int32_t id) const override { return unmark_spaces(vocabulary_.text(id)); }

 private:
  class UgmSession final : public Session {
   public:
    explicit UgmSession(const UgmModel& model) : model_(model) {}
    void encode(std::string_view text, bool, std::vector<int32_t>& out) override {
      const std::string normal = model_.normalise(text);
      if (!normal.empty()) model_.best_path(normal, out);
    }

   private:
    const UgmModel& model_;
  };

  // What the next bytes become and how many they are.
  Charsmap::Match normal_prefix(std::string_view text, size_t at) const {
    const Charsmap::Match match = charsmap_.longest(text, at);
    if (match.length != 0) return match;
    const CodePoint c = char_at(text, at);
    return {c.length, c.value == kInvalidChar ? kReplacementCharacter : text.substr(at, c.length)};
  }

  std::string normalise(std::string_view text) const {
    std::string out;
    out.reserve(text.size() + text.size() / 4 + 3);
    bool after_space = remove_extra_spaces_;
    bool begun = false;
    for (size_t at = 0; at < text.size();) {
      const Charsmap::Match next = normal_prefix(text, at);
      at += next.length;
      std::string_view part = next.replacement;
      while (after_space && !part.empty() && part.front() == ' ') part.remove_prefix(1);
      if (part.empty()) continue;
      if (!begun && add_space_prefix_) out += kSpaceMark;
      begun = true;
      for (const char c : part) {
        if (c == ' ') {
          out += kSpaceMark;
        } else {
          out += c;
        }
      }
      after_space = remove_extra_spaces_ && part.back() == ' ';
    }
    if (remove_extra_spaces_) {
      while (out.size() >= kSpaceMark.size() &&
             std::string_view(out).substr(out.size() - kSpaceMark.size()) == kSpaceMark)
        out.resize(out.size() - kSpaceMark.size());
    }
    return out;
  }

  struct Step {
    double score = -std::numeric_limits<double>::infinity();  // of the best path that ends here
    uint32_t from = 0;
    int32_t token = -1;
  };

  double score_of(int32_t id) const {
    if (vocabulary_.type(id) == TokenType::kUserDefined) return 0.0;
    const double score = vocabulary_.score(id);
    return std::isfinite(score) ? score : unknown_score_;
  }

  void best_path(std::string_view text, std::vector<int32_t>& out) const {
    const int32_t unknown = vocabulary_.data().unknown;
    std::vector<Step> steps(text.size() + 1);
    steps[0].score = 0;
    const auto offer = [&](size_t to, size_t from, double score, int32_t token) {
      if (score > steps[to].score) steps[to] = {score, static_cast<uint32_t>(from), token};
    };
    for (size_t at = 0; at < text.size();) {
      const size_t length = char_at(text, at).length;
      const double so_far = steps[at].score;
      bool single = false;
      uint32_t node = Trie::kRoot;
      for (size_t i = at; i < text.size(); ++i) {
        node = tokens_.step(node, text[i]);
        if (node == Trie::kNone) break;
        const int32_t id = tokens_.value(node);
        if (id < 0) continue;
        single = single || i + 1 - at == length;
        offer(i + 1, at, so_far + score_of(id), id);
      }
      if (!single) offer(at + length, at, so_far + unknown_score_, -1);
      at += length;
    }
    const size_t begin = out.size();
    bool unknown_before = false;
    for (size_t at = text.size(); at > 0; at = steps[at].from) {
      const int32_t token = steps[at].token;
      if (token < 0 && (unknown_before || unknown < 0)) continue;
      unknown_before = token < 0;
      out.push_back(token < 0 ? unknown : token);
    }
    std::reverse(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end());
  }

  const TokenTable& vocabulary_;
  Charsmap charsmap_;
  bool add_space_prefix_;
  bool remove_extra_spaces_;
  double unknown_score_ = 0;
  Trie tokens_;
};

}  // namespace

std::unique_ptr<TokenModel> make_ugm(const TokenTable& vocabulary, bool add_space_prefix) {
  return std::make_unique<UgmModel>(vocabulary, add_space_prefix);
}

}  // namespace vivace
