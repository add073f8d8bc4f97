// WordPiece ("bert"): clean, lower-case and cut the text into words, then the longest token first. In GGUF files a
// token that begins a word begins with U+2581 and one that continues has no mark ("##" is removed by the converter).
// Source: Devlin et al. 2019 and the reference BasicTokenizer / WordpieceTokenizer.
#include "text/tokenizer/segments.h"
#include "text/tokenizer/token_model.h"
#include "text/tokenizer/trie.h"
#include "text/tokenizer/word_cache.h"

namespace vivace {
namespace {

bool is_cjk(uint32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

class WpmModel final : public TokenModel {
 public:
  explicit WpmModel(const TokenTable& vocabulary)
      : vocabulary_(vocabulary),
        classes_(CharClassTable::instance()),
        lower_case_(vocabulary.data().lower_case.value_or(true)),
        strip_accents_(vocabulary.data().strip_accents.value_or(lower_case_)) {
    for (int32_t id = 0; id < vocabulary.size(); ++id) {
      if (vocabulary.find_ordinary(vocabulary.text(id)) == id) tokens_.add(vocabulary.text(id), id);
    }
  }

  std::unique_ptr<Session> begin(size_t text_size) const override {
    return std::make_unique<WpmSession>(*this, text_size);
  }

  std::string piece(int32_t id) const override { return unmark_spaces(vocabulary_.text(id)); }

 private:
  class WpmSession final : public Session {
   public:
    WpmSession(const WpmModel& model, size_t text_size) : model_(model), cache_(text_size) {}

    void encode(std::string_view text, bool, std::vector<int32_t>& out) override {
      for (size_t at = 0; at < text.size();) {
        const CodePoint c = char_at(text, at);
        at += c.length;
        take(c.value, out);
      }
      finish_word(out);
    }

   private:
    // One character of the text: part of a word, a word of its own, or the end of one.
    void take(uint32_t c, std::vector<int32_t>& out) {
      if (c == kInvalidChar || c == 0 || c == 0xFFFD) return;
      const uint8_t bits = model_.classes_[c];
      if ((bits & kSpace) != 0) {
        finish_word(out);
      } else if (c >= 0x80 && is_control(c)) {
        return;
      } else if (c < 0x80) {
        if (c < 0x20 || c == 0x7F) return;
        add(c, out);
      } else if (model_.strip_accents_) {
        parts_.clear();
        append_decomposed(parts_, c);
        for (const uint32_t part : parts_) {
          if (!is_nonspacing_mark(part)) add(part, out);
        }
      } else {
        add(c, out);
      }
    }

    void add(uint32_t c, std::vector<int32_t>& out) {
      if (model_.lower_case_) c = c < 0x80 ? (c >= 'A' && c <= 'Z' ? c + 32 : c) : to_lower(c);
      const uint8_t bits = model_.classes_[c];
      const bool alone = (bits & kPunctuation) != 0 || (c < 0x7F && (bits & kSymbol) != 0) || is_cjk(c);
      if (alone) finish_word(out);
      append_utf8(word_, c);
      if (alone) finish_word(out);
    }

    void finish_word(std::vector<int32_t>& out) {
      if (word_.empty()) return;
      word_.insert(0, kSpaceMark);
      if (!cache_.lookup(word_, out)) {
        const size_t before = out.size();
        model_.encode_word(word_, out);
        cache_.remember(word_, out.data() + before, out.size() - before);
      }
      word_.clear();
    }

    const WpmModel& model_;
    WordCache cache_;
    std::string word_;
    std::vector<uint32_t> parts_;
  };

  // A word that the tokens can't cover from left to right is one unknown token.
  void encode_word(std::string_view word, std::vector<int32_t>& out) const {
    const size_t before = out.size();
    for (size_t at = 0; at < word.size();) {
      const Trie::Match match = tokens_.longest(word, at);
      if (match.id < 0) {
        out.resize(before);
        if (vocabulary_.data().unknown >= 0) out.push_back(vocabulary_.data().unknown);
        return;
      }
      out.push_back(match.id);
      at += match.length;
    }
  }

  const TokenTable& vocabulary_;
  const CharClassTable& classes_;
  bool lower_case_;
  bool strip_accents_;
  Trie tokens_;
};

}  // namespace

std::unique_ptr<TokenModel> make_wpm(const TokenTable& vocabulary) { return std::make_unique<WpmModel>(vocabulary); }

}  // namespace vivace
