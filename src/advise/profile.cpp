#include "advise/profile.h"

#include "advise/levers.h"
#include "base/error.h"
#include "base/json.h"
#include "base/number_text.h"

namespace vivace {
namespace {

bool settle(const TunedLever& lever, Wishes& wishes) {
  // A batch that has no room for the sequences would be an error the user never asked for.
  const std::optional<int32_t> batch = lever.name == "batch-size" ? parse_lever_number(lever.after) : std::nullopt;
  if (batch && *batch < wishes.parallel.value_or(wishes.automatic_parallel)) return false;
  return set_open_lever(lever.name, lever.after, wishes);
}

}  // namespace

Json profile_json(const TunedProfile& profile) {
  Json levers = Json::array();
  for (const TunedLever& lever : profile.levers) {
    levers.push_back({{"name", lever.name},
                      {"before", lever.before},
                      {"after", lever.after},
                      {"measured_gain", lever.gain},
                      {"expected_gain", lever.expected ? Json(*lever.expected) : Json()},
                      {"measurements", lever.measurements}});
  }
  return {{"model", profile.model},
          {"goal", profile.goal},
          {"levers", levers},
          {"gain", {{"median", profile.gain}, {"low", profile.gain_low}, {"high", profile.gain_high}}},
          {"seconds", profile.seconds},
          {"complete", profile.complete}};
}

TunedProfile parse_profile_json(const Json& json) {
  try {
    TunedProfile profile;
    json.at("model").get_to(profile.model);
    json.at("goal").get_to(profile.goal);
    for (const Json& row : json.at("levers")) {
      TunedLever& lever = profile.levers.emplace_back();
      row.at("name").get_to(lever.name);
      row.at("before").get_to(lever.before);
      row.at("after").get_to(lever.after);
      row.at("measured_gain").get_to(lever.gain);
      if (!row.at("expected_gain").is_null()) lever.expected = row.at("expected_gain").get<double>();
      row.at("measurements").get_to(lever.measurements);
    }
    json.at("gain").at("median").get_to(profile.gain);
    json.at("gain").at("low").get_to(profile.gain_low);
    json.at("gain").at("high").get_to(profile.gain_high);
    json.at("seconds").get_to(profile.seconds);
    json.at("complete").get_to(profile.complete);
    return profile;
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kInvalidFile, std::string("no tuned profile: ") + error.what());
  }
}

std::string profile_key(const std::string& model_fingerprint, const std::string& machine, const std::string& version) {
  return model_fingerprint + "|" + machine + "|" + version;
}

void apply_profile(const TunedProfile& profile, const std::string& date, Wishes& wishes) {
  std::string taken;
  for (const TunedLever& lever : profile.levers) {
    if (lever.before == lever.after || !settle(lever, wishes)) continue;
    taken += (taken.empty() ? "" : ", ") + lever.name + " " + lever.after;
  }
  if (taken.empty()) return;
  wishes.notes.push_back("tuned for " + profile.goal + " on " + date.substr(0, 10) + ": " + taken + " (measured " +
                         fixed_text(100 * (profile.gain - 1), 0) + " % faster than the automatic settings; vivace " +
                         "profiles --forget leaves them again)");
}

}  // namespace vivace
