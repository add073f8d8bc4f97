// What a command needs to compute with a model: the machine, and the model with its plan.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "cli/arguments.h"
#include "engine/machine.h"
#include "engine/model_source.h"
#include "gguf/gguf.h"

namespace vivace {

struct ModelSession {
  std::filesystem::path path;
  std::unique_ptr<Machine> machine;
  std::unique_ptr<ModelSource> source;  // nothing is loaded before load_session

  const ModelCard& card() const { return source->card(); }
  const Plan& plan() const { return source->plan(); }
};

/// What is known of the machine, with the stored speeds of its devices.
HostFacts host_with_speeds(const Machine& machine, Context& context);

struct SessionOptions {
  int32_t threads = 0;  // that the pool has at least
  bool tuned = true;    // take what vivace tune found
};

/// Reads the card, looks at the machine and makes the plan by the command's load_options() and the settings that were
/// tuned. `adjust` may change the wishes, given the card. Nothing is loaded yet.
ModelSession plan_session(GgufFile file, const std::filesystem::path& path, const Arguments& arguments,
                          Context& context,
                          const std::function<void(const ModelCard& card, Wishes& wishes)>& adjust = {},
                          const SessionOptions& options = {});

/// Loads the model, with a progress bar; Ctrl-C cancels. Says on standard error where a placement gave way. Throws
/// Error kCancelled and what ModelSource::load() throws.
void load_session(ModelSession& session, Context& context);

}  // namespace vivace
