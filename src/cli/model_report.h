// What is in a model file, for people and for programs; also for files that this build can't run.
#pragma once

#include <string>

#include "base/json_fwd.h"
#include "gguf/gguf.h"

namespace vivace {

/// File, architecture, hyperparameters, formats, layers, tensors, metadata (long arrays abbreviated), tokenizer and
/// chat template. What the file lacks or has wrong is null or a sentence, never an error.
Json model_json(const GgufFile& file);

/// The same as text; `tensors`: with the list of all tensors.
std::string model_text(const Json& model, bool tensors);

}  // namespace vivace
