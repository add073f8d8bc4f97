// Shapes of well-known models, by name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/paper_card.h"

namespace vivace {

/// The rows of catalog/models.toml, or of a text in its form. Throws Error kInvalidFile naming row and field.
std::vector<ModelShape> read_model_shapes(std::string_view text, const std::string& origin);

/// The rows that travel with the program.
const std::vector<ModelShape>& model_shapes();

/// The shape of a name, however it is written ("Llama-2-7B"); null where there is none.
const ModelShape* find_model_shape(std::string_view name);

}  // namespace vivace
