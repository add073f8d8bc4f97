// Settings that vivace tune found for a model, taken by every later load.
#pragma once

#include <filesystem>

#include "cli/command.h"
#include "cli/model_records.h"
#include "plan/plan.h"

namespace vivace {

/// The kind of records that tuned profiles are.
constexpr const char* kProfileRecord = "profile";

/// Takes the last profile of the model, if there is one, for the wishes that are open. A store that can't be read is as
/// good as none: standard error says so.
void take_tuned(const std::filesystem::path& model, Context& context, Wishes& wishes);

}  // namespace vivace
