// Carries the `tokenizer.ggml.*` entries of a model file over to the tokenizers, which know nothing of files.
#include "chat/vocabulary_from_gguf.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace vivace {
namespace {

// Ids are unsigned in most files; all ones means "none".
int32_t find_id(const Metadata& metadata, const char* key) {
  const auto id = metadata.find_i64(key);
  if (!id || *id == -1 || *id == std::numeric_limits<uint32_t>::max()) return -1;
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  return static_cast<int32_t>(*id < 0 ? kMost : std::min(*id, kMost));  // out of range either way: create says so
}

std::vector<std::string> copy_strings(const Metadata& metadata, const char* key) {
  std::vector<std::string> copy;
  if (const auto strings = metadata.find_strings(key)) {
    copy.reserve(strings->size());
    for (const std::string_view text : *strings) copy.emplace_back(text);
  }
  return copy;
}

void read_ids(const Metadata& metadata, VocabularyData& data) {
  constexpr std::pair<const char*, int32_t VocabularyData::*> kIds[] = {
      {"tokenizer.ggml.bos_token_id", &VocabularyData::bos},
      {"tokenizer.ggml.eos_token_id", &VocabularyData::eos},
      {"tokenizer.ggml.eot_token_id", &VocabularyData::eot},
      {"tokenizer.ggml.eom_token_id", &VocabularyData::eom},
      {"tokenizer.ggml.unknown_token_id", &VocabularyData::unknown},
      {"tokenizer.ggml.seperator_token_id", &VocabularyData::separator},  // spelled so in the format
      {"tokenizer.ggml.padding_token_id", &VocabularyData::padding},
      {"tokenizer.ggml.cls_token_id", &VocabularyData::classification},
      {"tokenizer.ggml.mask_token_id", &VocabularyData::mask},
      {"tokenizer.ggml.fim_pre_token_id", &VocabularyData::fim_prefix},
      {"tokenizer.ggml.fim_suf_token_id", &VocabularyData::fim_suffix},
      {"tokenizer.ggml.fim_mid_token_id", &VocabularyData::fim_middle},
      {"tokenizer.ggml.fim_pad_token_id", &VocabularyData::fim_padding},
      {"tokenizer.ggml.fim_rep_token_id", &VocabularyData::fim_repository},
      {"tokenizer.ggml.fim_sep_token_id", &VocabularyData::fim_separator},
      {"tokenizer.ggml.prefix_token_id", &VocabularyData::fim_prefix},  // older names of the same three
      {"tokenizer.ggml.suffix_token_id", &VocabularyData::fim_suffix},
      {"tokenizer.ggml.middle_token_id", &VocabularyData::fim_middle},
  };
  for (const auto& row : kIds) {
    int32_t& field = data.*row.second;
    if (field == -1) field = find_id(metadata, row.first);
  }
}

}  // namespace

VocabularyData vocabulary_from_gguf(const Metadata& metadata) {
  VocabularyData data;
  const auto model = metadata.find_string("tokenizer.ggml.model");
  if (!model) throw Error(ErrorCode::kNotFound, "the file has no tokenizer (tokenizer.ggml.model)");
  data.model = *model;
  data.pre = metadata.find_string("tokenizer.ggml.pre").value_or("");
  data.general_name = metadata.find_string("general.name").value_or("");
  data.tokens = copy_strings(metadata, "tokenizer.ggml.tokens");
  data.merges = copy_strings(metadata, "tokenizer.ggml.merges");
  data.scores = metadata.find_floats("tokenizer.ggml.scores").value_or(std::vector<float>{});
  data.token_types = metadata.find_integers<int32_t>("tokenizer.ggml.token_type").value_or(std::vector<int32_t>{});
  if (const auto architecture = metadata.find_string("general.architecture")) {
    data.vocabulary_size = metadata.find_u64(std::string(*architecture) + ".vocab_size").value_or(0);
  }
  read_ids(metadata, data);
  data.add_bos = metadata.find_bool("tokenizer.ggml.add_bos_token");
  data.add_eos = metadata.find_bool("tokenizer.ggml.add_eos_token");
  data.add_separator = metadata.find_bool("tokenizer.ggml.add_sep_token");
  data.add_space_prefix = metadata.find_bool("tokenizer.ggml.add_space_prefix");
  data.lower_case = metadata.find_bool("tokenizer.ggml.normalizer.lowercase");
  data.strip_accents = metadata.find_bool("tokenizer.ggml.normalizer.strip_accents");
  data.remove_extra_whitespaces = metadata.find_bool("tokenizer.ggml.remove_extra_whitespaces").value_or(false);
  if (const auto bytes = metadata.find_integers<int32_t>("tokenizer.ggml.precompiled_charsmap")) {
    for (const int32_t byte : *bytes) data.precompiled_charsmap += static_cast<char>(byte);
  }
  return data;
}

}  // namespace vivace
