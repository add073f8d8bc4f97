// Settings that vivace tune found for a model, taken by every later load.
#pragma once

#include <filesystem>
#include <string>

#include "cli/command.h"
#include "plan/plan.h"

namespace vivace {

/// The kind of records that tuned profiles are.
constexpr const char* kProfileRecord = "profile";

/// Under what the profile of this model file on this machine is stored.
std::string profile_key_of(const std::filesystem::path& model);

/// Takes the last profile of the model, if there is one, for the wishes that are open. A store that can't be read is as
/// good as none: standard error says so.
void take_tuned(const std::filesystem::path& model, Context& context, Wishes& wishes);

}  // namespace vivace
