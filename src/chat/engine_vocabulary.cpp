#include "chat/engine_vocabulary.h"

namespace vivace {

std::string EngineVocabulary::piece(TokenId id, bool control) const { return tokenizer_.piece(id, control); }

bool EngineVocabulary::is_end(TokenId id) const { return tokenizer_.is_end_of_generation(id); }

}  // namespace vivace
