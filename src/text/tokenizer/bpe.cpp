// BPE ("gpt2"): words of the pre-split rule, then merges by rank. Byte-level, or on plain characters for the rules that
// say so. Source: Sennrich et al. 2016; GPT-2's byte alphabet.
#include "base/error.h"
#include "text/tokenizer/byte_alphabet.h"
#include "text/tokenizer/merging.h"
#include "text/tokenizer/pre_split.h"
#include "text/tokenizer/segments.h"
#include "text/tokenizer/token_model.h"
#include "text/tokenizer/word_cache.h"

namespace vivace {
namespace {

class BpeModel final : public TokenModel {
 public:
  BpeModel(const TokenTable& vocabulary, const PreSplitRule& rule, std::vector<std::string>& notes)
      : vocabulary_(vocabulary),
        splitter_(rule),
        raw_((rule.flags & PreSplitRule::kRaw) != 0),
        whole_words_((rule.flags & PreSplitRule::kWholeWords) != 0),
        merges_(vocabulary.data().merges.size()) {
    if (!raw_) {
      for (int byte = 0; byte < 256; ++byte) {
        byte_symbols_[byte] = symbol(ByteAlphabet::instance().character(static_cast<unsigned char>(byte)));
      }
    }
    read_merges(notes);
  }

  std::unique_ptr<Session> begin(size_t text_size) const override {
    return std::make_unique<BpeSession>(*this, text_size);
  }

  std::string piece(int32_t id) const override {
    const std::string_view text = vocabulary_.text(id);
    return raw_ ? unmark_spaces(text) : ByteAlphabet::instance().decode(text);
  }

 private:
  class BpeSession final : public Session {
   public:
    BpeSession(const BpeModel& model, size_t text_size) : model_(model), cache_(text_size) {}

    void encode(std::string_view text, bool, std::vector<int32_t>& out) override {
      std::string marked;
      if (model_.raw_) {
        marked = mark_spaces(text, false);
        text = marked;
      }
      model_.splitter_.split(text, regex_scratch_, [&](size_t begin, size_t end) {
        const std::string_view word = text.substr(begin, end - begin);
        if (!model_.raw_) {
          encode_word(word, out);
        } else {
          for_each_segment(word, model_.filter_, [&](std::string_view segment) { encode_word(segment, out); });
        }
      });
    }

   private:
    void encode_word(std::string_view word, std::vector<int32_t>& out) {
      if (cache_.lookup(word, out)) return;
      const size_t before = out.size();
      model_.encode_word(word, symbols_, scratch_, out);
      cache_.remember(word, out.data() + before, out.size() - before);
    }

    const BpeModel& model_;
    WordCache cache_;
    Regex::Scratch regex_scratch_;
    MergeScratch scratch_;
    std::vector<MergeSymbol> symbols_;
  };

  static uint64_t pair_key(int32_t left, int32_t right) {
    return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  }

  // Id of a text: a token, or a number beyond the tokens for what only occurs on the way to one.
  int32_t symbol(std::string_view text) {
    const int32_t token = vocabulary_.find(text);
    if (token >= 0) return token;
    const int32_t known = find_extra(text);
    if (known >= 0) return known;
    const int32_t id = vocabulary_.size() + static_cast<int32_t>(extra_texts_.size());
    extra_texts_.emplace_back(text);
    extra_.set(text, id, text_of_extra());
    return id;
  }

  int32_t find_extra(std::string_view text) const { return extra_.find(text, text_of_extra()); }

  TextOfId text_of_extra() const { return {extra_texts_, vocabulary_.size()}; }

  void read_merges(std::vector<std::string>& notes) {
    size_t odd = 0;
    uint32_t rank = 0;
    std::string joined;
    for (const std::string& merge : vocabulary_.data().merges) {
      const size_t space = merge.size() < 2 ? std::string::npos : merge.find(' ', 1);
      if (space == std::string::npos || space + 1 == merge.size()) {
        throw Error(ErrorCode::kInvalidFile, "merge " + std::to_string(rank) + " of the vocabulary is not two texts");
      }
      const std::string_view left = std::string_view(merge).substr(0, space);
      const std::string_view right = std::string_view(merge).substr(space + 1);
      joined.assign(left).append(right);
      const int32_t left_id = symbol(left), right_id = symbol(right), joined_id = symbol(joined);
      odd += joined_id >= vocabulary_.size();
      merges_.insert(pair_key(left_id, right_id), {rank++, static_cast<uint32_t>(joined_id)});
      if (raw_) filter_.add(char_at(left, last_char(left)).value, char_at(right, 0).value);
    }
    if (odd != 0) notes.push_back(std::to_string(odd) + " merges make a text that is no token");
  }

  static size_t last_char(std::string_view text) {
    size_t last = 0;
    for (size_t at = 0; at < text.size(); at += char_at(text, at).length) last = at;
    return last;
  }

  void encode_word(std::string_view word, std::vector<MergeSymbol>& symbols, MergeScratch& scratch,
                   std::vector<int32_t>& out) const {
    if (whole_words_) {
      const int32_t id =
          raw_ ? vocabulary_.find_ordinary(word) : vocabulary_.find_ordinary(ByteAlphabet::instance().encode(word));
      if (id >= 0) {
        out.push_back(id);
        return;
      }
    }
    symbols.clear();
    if (raw_) {
      for (size_t at = 0; at < word.size();) {
        const size_t length = char_at(word, at).length;
        const std::string_view text = word.substr(at, length);
        const int32_t token = vocabulary_.find_ordinary(text);
        symbols.push_back({static_cast<uint32_t>(at), token >= 0 ? token : find_extra(text)});
        at += length;
      }
    } else {
      for (size_t at = 0; at < word.size(); ++at) {
        symbols.push_back({static_cast<uint32_t>(at), byte_symbols_[static_cast<unsigned char>(word[at])]});
      }
    }
    const auto find = [this](int32_t left, int32_t right, uint32_t, uint32_t) -> Merge {
      if (left < 0 || right < 0) return {};
      const KeyTable::Value* merge = merges_.find(pair_key(left, right));
      return merge == nullptr ? Merge{} : Merge{merge->first, static_cast<int32_t>(merge->second)};
    };
    merge_symbols(symbols, static_cast<uint32_t>(word.size()), find, scratch);
    for (size_t i = 0; i < symbols.size(); ++i) {
      const int32_t id = symbols[i].id;
      if (id >= 0 && id < vocabulary_.size()) {
        out.push_back(id);
      } else {
        const size_t end = i + 1 < symbols.size() ? symbols[i + 1].begin : word.size();
        append_bytes(word.substr(symbols[i].begin, end - symbols[i].begin), out);
      }
    }
  }

  // What ended as no token: byte by byte. A byte without token vanishes, as in the published tokenizers, whose byte
  // level knows no unknown token whatever the file names; on plain characters it becomes the unknown token.
  void append_bytes(std::string_view bytes, std::vector<int32_t>& out) const {
    for (const char c : bytes) {
      const auto byte = static_cast<unsigned char>(c);
      const int32_t id = raw_ ? vocabulary_.byte_token(byte) : byte_symbols_[byte];
      if (id >= 0 && id < vocabulary_.size()) {
        out.push_back(id);
      } else if (raw_ && vocabulary_.data().unknown >= 0) {
        out.push_back(vocabulary_.data().unknown);
      }
    }
  }

  const TokenTable& vocabulary_;
  PreSplitter splitter_;
  bool raw_;
  bool whole_words_;
  KeyTable merges_;  // pair of symbols to (rank, symbol)
  PieceTable extra_;
  std::vector<std::string> extra_texts_;
  std::array<int32_t, 256> byte_symbols_ = {};
  JoinFilter filter_;
};

}  // namespace

std::unique_ptr<TokenModel> make_bpe(const TokenTable& vocabulary, std::vector<std::string>& notes) {
  const VocabularyData& data = vocabulary.data();
  if (data.merges.empty()) throw Error(ErrorCode::kInvalidFile, "the BPE vocabulary has no merges");
  if (data.merges.size() > (size_t{1} << 28))
    throw Error(ErrorCode::kInvalidFile, "the vocabulary has too many merges");
  const PreSplitRule* rule = find_pre_split(data.pre);
  if (rule == nullptr) {
    rule = &default_pre_split();
    notes.push_back(data.pre.empty()
                        ? "the file names no pre-split rule (tokenizer.ggml.pre): the default one is used"
                        : "pre-split rule '" + data.pre + "' is not known: the default one is used, ids may be wrong");
  }
  return std::make_unique<BpeModel>(vocabulary, *rule, notes);
}

}  // namespace vivace
