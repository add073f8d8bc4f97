// What a tokenizer is made of: a plain record of the `tokenizer.ggml.*` entries of a model file. It comes from a file
// nobody vouches for; Tokenizer::create checks it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vivace {

/// Kind of a token, numbered as in the file (`tokenizer.ggml.token_type`).
enum class TokenType : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

struct VocabularyData {
  std::string model;         // "llama" (SPM), "gpt2" (BPE), "bert" (WPM), "t5" (UGM), "gemma4" (raw BPE), "none"
  std::string pre;           // name of the pre-split rule, BPE only
  std::string general_name;  // `general.name`: a few models are known by it to swallow spaces around special tokens

  std::vector<std::string> tokens;
  std::vector<float> scores;         // empty, or one per token
  std::vector<int32_t> token_types;  // empty, or one per token
  std::vector<std::string> merges;   // "left right", best first
  uint64_t vocabulary_size = 0;      // only for "none": number of ids, which have no text

  // Ids; -1 is absent.
  int32_t bos = -1, eos = -1, eot = -1, eom = -1, unknown = -1, separator = -1, padding = -1, classification = -1;
  int32_t mask = -1;
  int32_t fim_prefix = -1, fim_suffix = -1, fim_middle = -1, fim_padding = -1, fim_repository = -1, fim_separator = -1;

  // Absent: the model kind's default.
  std::optional<bool> add_bos, add_eos, add_separator, add_space_prefix;
  std::optional<bool> lower_case, strip_accents;  // WPM
  bool remove_extra_whitespaces = false;          // UGM
  std::string precompiled_charsmap;               // UGM: SentencePiece's normalisation table, raw bytes
};

}  // namespace vivace
