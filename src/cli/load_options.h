// Options about how a model is loaded, shared by the commands that load one.
#pragma once

#include <span>

#include "cli/arguments.h"
#include "engine/machine.h"
#include "plan/plan.h"

namespace vivace {

/// Memory, GPU offload, compute: every lever of a load.
std::span<const OptionRow> load_options();

/// --isa wins over the environment.
MachineOptions machine_options(const Arguments& arguments, const Environment& environment);

/// What the user asked for; auto stays empty. Throws Error kInvalidArgument for a layer split that is no list.
Wishes load_wishes(const Arguments& arguments);

}  // namespace vivace
