// Small vocabularies for the tests of this folder.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "text/tokenizer/byte_alphabet.h"
#include "text/tokenizer/vocabulary_data.h"

namespace vivace {

/// Byte-level BPE: 256 byte tokens (id = byte), then the results of the merges, then control tokens.
inline VocabularyData small_bpe(const std::vector<std::string>& merges, const std::vector<std::string>& control = {},
                                std::string pre = "gpt-2") {
  VocabularyData data;
  data.model = "gpt2";
  data.pre = std::move(pre);
  for (int byte = 0; byte < 256; ++byte) {
    data.tokens.emplace_back(ByteAlphabet::instance().character(static_cast<unsigned char>(byte)));
  }
  data.merges = merges;
  for (const std::string& merge : merges) {
    std::string joined = merge;
    joined.erase(joined.find(' ', 1), 1);
    data.tokens.push_back(joined);
  }
  data.token_types.assign(data.tokens.size(), 1);
  for (const std::string& text : control) {
    data.tokens.push_back(text);
    data.token_types.push_back(3);
  }
  return data;
}

/// SPM: <unk> 0, <s> 1, </s> 2, 256 byte tokens from 3, then `pieces` with scores -1, -2, …
inline VocabularyData small_spm(const std::vector<std::string>& pieces) {
  VocabularyData data;
  data.model = "llama";
  data.tokens = {"<unk>", "<s>", "</s>"};
  data.token_types = {2, 3, 3};
  for (int byte = 0; byte < 256; ++byte) {
    const char* hex = "0123456789ABCDEF";
    data.tokens.push_back(std::string("<0x") + hex[byte / 16] + hex[byte % 16] + ">");
    data.token_types.push_back(6);
  }
  data.scores.assign(data.tokens.size(), 0.0F);
  float score = 0;
  for (const std::string& piece : pieces) {
    data.tokens.push_back(piece);
    data.token_types.push_back(1);
    data.scores.push_back(score -= 1);
  }
  return data;
}

/// WPM as BERT's files have it, with the given words after [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3.
inline VocabularyData small_wpm(const std::vector<std::string>& words) {
  VocabularyData data;
  data.model = "bert";
  data.tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]"};
  data.token_types = {3, 2, 3, 3};
  data.padding = 0;
  data.unknown = 1;
  data.bos = 2;
  data.separator = 3;
  for (const std::string& word : words) {
    data.tokens.push_back(word);
    data.token_types.push_back(1);
  }
  return data;
}

/// UGM: <pad> 0, </s> 1, <unk> 2, then pieces with scores.
inline VocabularyData small_ugm(const std::vector<std::pair<std::string, float>>& pieces) {
  VocabularyData data;
  data.model = "t5";
  data.tokens = {"<pad>", "</s>", "<unk>"};
  data.token_types = {3, 3, 2};
  data.scores = {0, 0, 0};
  data.remove_extra_whitespaces = true;
  for (const auto& piece : pieces) {
    data.tokens.push_back(piece.first);
    data.token_types.push_back(1);
    data.scores.push_back(piece.second);
  }
  return data;
}

}  // namespace vivace
