// Which ids are special: defaults of each kind, tokens known by their name, and the set that ends a generation.
#pragma once

#include <cstdint>
#include <vector>

#include "text/tokenizer/token_table.h"

namespace vivace {

/// Fills in what files of this kind leave out because "everybody knows" it (LLaMA's BOS is 1, BERT's CLS 101 …).
void set_default_ids(VocabularyData& data);

/// Fills absent ids (EOT, EOM, FIM) from tokens with a well-known name.
void set_ids_by_name(VocabularyData& data);

/// Ids that end a generation, ascending.
std::vector<int32_t> end_of_generation_ids(const TokenTable& vocabulary);

}  // namespace vivace
