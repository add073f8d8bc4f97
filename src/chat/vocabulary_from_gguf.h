// Carries the `tokenizer.ggml.*` entries of a model file over to the tokenizers, which know nothing of files.
#pragma once

#include "gguf/metadata.h"
#include "text/tokenizer/vocabulary_data.h"

namespace vivace {

/// Copies the vocabulary out of a file's metadata. Throws Error kInvalidFile for entries of a wrong type, kNotFound
/// when the file says nothing about a tokenizer. Sizes and ids are checked by Tokenizer::create.
VocabularyData vocabulary_from_gguf(const Metadata& metadata);

}  // namespace vivace
