// What the engine needs to know of a vocabulary. The engine runs on token ids; text is somebody else's
// (text/tokenizer), so that the core builds without it.
#pragma once

#include <string>

#include "engine/request.h"

namespace vivace {

class Vocabulary {
 public:
  virtual ~Vocabulary() = default;
  /// The bytes a generated token adds to the answer, maybe part of a UTF-8 character; "" for control tokens.
  /// With `control`, a control token's own text.
  virtual std::string piece(TokenId id, bool control = false) const = 0;
  /// True for tokens that end an answer (EOS, end of turn, ...).
  virtual bool is_end(TokenId id) const = 0;
};

}  // namespace vivace
