// What tuning found for a model on this machine: settings that take the place of the automatic ones.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "plan/plan.h"

namespace vivace {

/// One lever, as the search left it.
struct TunedLever {
  std::string name;  // of its option
  std::string before, after;
  double gain = 1;                 // measured speed over that before
  std::optional<double> expected;  // what the cost model said of it
  int32_t measurements = 0;
};

struct TunedProfile {
  std::string model;  // the file's name, for people
  std::string goal;   // chat, code, ...
  std::vector<TunedLever> levers;
  // Speed of the goal's work over that of the automatic settings: median and 90 % interval of pairs.
  double gain = 1, gain_low = 1, gain_high = 1;
  double seconds = 0;    // that tuning took
  bool complete = true;  // false: the budget was used up
};

Json profile_json(const TunedProfile& profile);
/// Throws Error kInvalidFile for what profile_json() does not write.
TunedProfile parse_profile_json(const Json& json);

/// Under what it is stored: the model, this machine and this version.
std::string profile_key(const std::string& model_fingerprint, const std::string& machine, const std::string& version);

/// Takes the tuned values for wishes that are open, and says so among the plan's reasons. Values that make no sense (of
/// another version) are left out.
void apply_profile(const TunedProfile& profile, const std::string& date, Wishes& wishes);

}  // namespace vivace
