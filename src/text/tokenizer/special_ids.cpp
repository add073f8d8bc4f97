// Which ids are special: defaults of each kind, tokens known by their name, and the set that ends a generation.
#include "text/tokenizer/special_ids.h"

#include <algorithm>
#include <span>
#include <string_view>

namespace vivace {
namespace {

struct NamedId {
  int32_t VocabularyData::*field;
  std::string_view name;
};

constexpr NamedId kNames[] = {
    {&VocabularyData::eot, "<|eot_id|>"},
    {&VocabularyData::eot, "<|im_end|>"},
    {&VocabularyData::eot, "<|end|>"},
    {&VocabularyData::eot, "<end_of_turn>"},
    {&VocabularyData::eot, "<turn|>"},
    {&VocabularyData::eot, "<end_of_utterance>"},
    {&VocabularyData::eot, "<EOT>"},
    {&VocabularyData::eot, "[EOT]"},
    {&VocabularyData::eom, "<|eom_id|>"},
    {&VocabularyData::fim_prefix, "<|fim_prefix|>"},
    {&VocabularyData::fim_prefix, "<fim-prefix>"},
    {&VocabularyData::fim_prefix, "<fim_prefix>"},
    {&VocabularyData::fim_prefix, "<｜fim▁begin｜>"},
    {&VocabularyData::fim_prefix, "▁<PRE>"},
    {&VocabularyData::fim_prefix, "<|code_prefix|>"},
    {&VocabularyData::fim_suffix, "<|fim_suffix|>"},
    {&VocabularyData::fim_suffix, "<fim-suffix>"},
    {&VocabularyData::fim_suffix, "<fim_suffix>"},
    {&VocabularyData::fim_suffix, "<｜fim▁hole｜>"},
    {&VocabularyData::fim_suffix, "▁<SUF>"},
    {&VocabularyData::fim_suffix, "<|code_suffix|>"},
    {&VocabularyData::fim_middle, "<|fim_middle|>"},
    {&VocabularyData::fim_middle, "<fim-middle>"},
    {&VocabularyData::fim_middle, "<fim_middle>"},
    {&VocabularyData::fim_middle, "<｜fim▁end｜>"},
    {&VocabularyData::fim_middle, "▁<MID>"},
    {&VocabularyData::fim_middle, "<|code_middle|>"},
    {&VocabularyData::fim_padding, "<|fim_pad|>"},
    {&VocabularyData::fim_padding, "<fim-pad>"},
    {&VocabularyData::fim_padding, "<fim_pad>"},
    {&VocabularyData::fim_repository, "<|fim_repo|>"},
    {&VocabularyData::fim_repository, "<|repo_name|>"},
    {&VocabularyData::fim_repository, "<fim-repo>"},
    {&VocabularyData::fim_repository, "<reponame>"},
    {&VocabularyData::fim_separator, "<|file_sep|>"},
};

// Control tokens that end an answer in one family of models or another.
constexpr std::string_view kEnds[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|calls|>",
    "<|flush|>",
    "<end_of_turn>",
    "<turn|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "</s>",
    "<eos>",
    "<end_of_utterance>",
    "<|tool_response>",
    "[e~[",
    "<｜end▁of▁sentence｜>",
};

struct DefaultId {
  int32_t VocabularyData::*field;
  int32_t id;
};

constexpr DefaultId kSpmDefaults[] = {
    {&VocabularyData::bos, 1}, {&VocabularyData::eos, 2}, {&VocabularyData::unknown, 0}};
constexpr DefaultId kWpmDefaults[] = {{&VocabularyData::bos, 101},
                                      {&VocabularyData::unknown, 100},
                                      {&VocabularyData::separator, 102},
                                      {&VocabularyData::padding, 0},
                                      {&VocabularyData::mask, 103}};
constexpr DefaultId kUgmDefaults[] = {
    {&VocabularyData::eos, 1}, {&VocabularyData::unknown, 2}, {&VocabularyData::padding, 0}};

}  // namespace

void set_default_ids(VocabularyData& data) {
  std::span<const DefaultId> defaults;
  if (data.model == "llama") defaults = kSpmDefaults;
  if (data.model == "bert") defaults = kWpmDefaults;
  if (data.model == "t5") defaults = kUgmDefaults;
  if (data.model == "bert" && data.bos == -1) data.bos = data.classification;
  for (const DefaultId& row : defaults) {
    if (data.*row.field == -1 && static_cast<size_t>(row.id) < data.tokens.size()) data.*row.field = row.id;
  }
}

void set_ids_by_name(VocabularyData& data) {
  PieceTable names(std::size(kNames));
  const auto name_of = [](int32_t row) { return kNames[row].name; };
  for (size_t row = 0; row < std::size(kNames); ++row) names.set(kNames[row].name, static_cast<int32_t>(row), name_of);
  // The first row of a field that the vocabulary has wins.
  std::vector<int32_t> found(std::size(kNames), -1);
  for (size_t id = 0; id < data.tokens.size(); ++id) {
    const int32_t row = names.find(data.tokens[id], name_of);
    if (row >= 0) found[static_cast<size_t>(row)] = static_cast<int32_t>(id);
  }
  for (size_t row = 0; row < std::size(kNames); ++row) {
    int32_t& field = data.*kNames[row].field;
    if (field == -1) field = found[row];
  }
}

std::vector<int32_t> end_of_generation_ids(const TokenTable& vocabulary) {
  const VocabularyData& data = vocabulary.data();
  std::vector<int32_t> ids;
  bool harmony = false;  // gpt-oss: <|end|> only ends a message, <|return|> and <|call|> end the turn
  int32_t end = -1;
  for (const int32_t id : {data.eos, data.eot, data.eom}) {
    if (id >= 0) ids.push_back(id);
  }
  for (const std::string_view name : kEnds) {
    const int32_t id = vocabulary.find(name);
    if (id < 0 || vocabulary.type(id) != TokenType::kControl) continue;
    ids.push_back(id);
    if (name == "<|end|>") end = id;
    harmony = harmony || name == "<|return|>";
  }
  if (harmony && (vocabulary.find("<|call|>") >= 0 || vocabulary.find("<|calls|>") >= 0)) std::erase(ids, end);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace vivace
