// SentencePiece BPE ("llama"): neighbours whose joint text is a token merge, best score first.
// Source: Kudo and Richardson, SentencePiece (2018), and the model format's own reader.
#include <algorithm>
#include <cmath>
#include <limits>

#include "text/tokenizer/merging.h"
#include "text/tokenizer/segments.h"
#include "text/tokenizer/token_model.h"
#include "text/tokenizer/word_cache.h"

namespace vivace {
namespace {

class SpmModel final : public TokenModel {
 public:
  SpmModel(const TokenTable& vocabulary, bool add_space_prefix)
      : vocabulary_(vocabulary), add_space_prefix_(add_space_prefix) {
    rank_by_score();
    for (int32_t id = 0; id < vocabulary.size(); ++id) {
      if (vocabulary.find_ordinary(vocabulary.text(id)) != id) continue;
      const std::string_view text = vocabulary.text(id);
      uint32_t previous = kInvalidChar;
      for (size_t at = 0; at < text.size();) {
        const CodePoint c = char_at(text, at);
        if (previous != kInvalidChar && c.value != kInvalidChar) filter_.add(previous, c.value);
        previous = c.value;
        at += c.length;
      }
    }
  }

  std::unique_ptr<Session> begin(size_t text_size) const override {
    return std::make_unique<SpmSession>(*this, text_size);
  }

  std::string piece(int32_t id) const override { return unmark_spaces(vocabulary_.text(id)); }

 private:
  class SpmSession final : public Session {
   public:
    SpmSession(const SpmModel& model, size_t text_size) : model_(model), cache_(text_size) {}

    void encode(std::string_view text, bool after_special, std::vector<int32_t>& out) override {
      if (text.empty()) return;
      const std::string marked = mark_spaces(text, model_.add_space_prefix_ && after_special);
      const size_t start = out.size();
      for_each_segment(marked, model_.filter_, [&](std::string_view segment) {
        if (cache_.lookup(segment, out)) return;
        const size_t before = out.size();
        encode_segment(segment, start, out);
        // An unknown token may have been swallowed by the one before it, so such words are not remembered.
        if (!met_unknown_) cache_.remember(segment, out.data() + before, out.size() - before);
      });
    }

   private:
    void encode_segment(std::string_view text, size_t start, std::vector<int32_t>& out) {
      const TokenTable& vocabulary = model_.vocabulary_;
      met_unknown_ = false;
      symbols_.clear();
      for (size_t at = 0; at < text.size();) {
        const size_t length = char_at(text, at).length;
        symbols_.push_back({static_cast<uint32_t>(at), vocabulary.find_ordinary(text.substr(at, length))});
        at += length;
      }
      const auto find = [&](int32_t, int32_t, uint32_t begin, uint32_t end) -> Merge {
        const int32_t id = vocabulary.find_ordinary(text.substr(begin, end - begin));
        return id < 0 ? Merge{} : Merge{model_.ranks_[static_cast<size_t>(id)], id};
      };
      merge_symbols(symbols_, static_cast<uint32_t>(text.size()), find, scratch_);
      for (size_t i = 0; i < symbols_.size(); ++i) {
        if (symbols_[i].id >= 0) {
          out.push_back(symbols_[i].id);
          continue;
        }
        const size_t end = i + 1 < symbols_.size() ? symbols_[i + 1].begin : text.size();
        append_fallback(vocabulary, text.substr(symbols_[i].begin, end - symbols_[i].begin), start, out);
        met_unknown_ = true;
      }
    }

    const SpmModel& model_;
    WordCache cache_;
    MergeScratch scratch_;
    std::vector<MergeSymbol> symbols_;
    bool met_unknown_ = false;
  };

  // Equal scores get equal ranks, so that the leftmost of them goes first.
  void rank_by_score() {
    const auto score_of = [this](int32_t id) {
      const float score = vocabulary_.score(id);
      return std::isnan(score) ? -std::numeric_limits<float>::infinity() : score;
    };
    std::vector<float> scores;
    for (int32_t id = 0; id < vocabulary_.size(); ++id) scores.push_back(score_of(id));
    std::sort(scores.begin(), scores.end(), std::greater<>());
    scores.erase(std::unique(scores.begin(), scores.end()), scores.end());
    for (int32_t id = 0; id < vocabulary_.size(); ++id) {
      const auto place = std::lower_bound(scores.begin(), scores.end(), score_of(id), std::greater<>());
      ranks_.push_back(static_cast<uint32_t>(place - scores.begin()));
    }
  }

  const TokenTable& vocabulary_;
  bool add_space_prefix_;
  std::vector<uint32_t> ranks_;  // per token
  JoinFilter filter_;
};

}  // namespace

std::unique_ptr<TokenModel> make_spm(const TokenTable& vocabulary, bool add_space_prefix) {
  return std::make_unique<SpmModel>(vocabulary, add_space_prefix);
}

}  // namespace vivace
