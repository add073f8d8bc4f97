// What a command needs to compute with a model: the open file, the machine, the plan, the weights.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "cli/arguments.h"
#include "engine/loaded_model.h"
#include "engine/machine.h"
#include "gguf/gguf.h"

namespace vivace {

struct ModelSession {
  GgufFile file;
  std::filesystem::path path;
  ModelCard card;
  std::unique_ptr<Machine> machine;
  Plan plan;
  std::unique_ptr<LoadedModel> model;  // null before load_session
};

/// Reads the card, looks at the machine and makes the plan by the command's load_options(). `adjust` may change the
/// wishes, given the card. Nothing is loaded yet.
ModelSession plan_session(GgufFile file, const std::filesystem::path& path, const Arguments& arguments,
                          Context& context,
                          const std::function<void(const ModelCard& card, Wishes& wishes)>& adjust = {});

/// Loads the weights, with a progress bar; Ctrl-C cancels. Throws Error kCancelled and what load_model throws.
void load_session(ModelSession& session, Context& context);

}  // namespace vivace
