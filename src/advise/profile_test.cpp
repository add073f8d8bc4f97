// Tuned profiles: there and back, and what later loads take of them.
#include "advise/profile.h"

#include <gtest/gtest.h>

#include "advise/levers.h"
#include "base/error.h"
#include "base/json.h"

namespace vivace {
namespace {

TunedProfile profile() {
  TunedProfile profile;
  profile.model = "model.gguf";
  profile.goal = "chat";
  profile.levers = {{"threads", "8", "6", 1.1, 1.05, 40},
                    {"threads-prefill", "8", "8", 1, {}, 40},
                    {"batch-size", "512", "256", 1.02, {}, 30},
                    {"kv-type", "f16", "q8_0", 1.08, 1.1, 20}};
  profile.gain = 1.2, profile.gain_low = 1.1, profile.gain_high = 1.3;
  profile.seconds = 42;
  return profile;
}

TEST(Profile, ComesBackAsItWas) {
  const Json json = profile_json(profile());
  EXPECT_EQ(profile_json(parse_profile_json(json)), json);
  EXPECT_FALSE(parse_profile_json(json).levers[1].expected.has_value());
  for (const char* field : {"model", "goal", "levers", "gain", "seconds", "complete"}) {
    Json part = json;
    part.erase(field);
    EXPECT_THROW(parse_profile_json(part), Error) << field;
  }
}

TEST(Profile, SettlesOpenWishesOnly) {
  Wishes wishes;
  wishes.threads = 2;
  apply_profile(profile(), "2026-11-27T10:00:00Z", wishes);
  EXPECT_EQ(wishes.threads, 2);
  EXPECT_FALSE(wishes.threads_prefill.has_value()) << "what tuning left alone stays automatic";
  EXPECT_EQ(wishes.batch_size, 256);
  EXPECT_EQ(wishes.kv_format, Format::kQ8_0);
  ASSERT_EQ(wishes.notes.size(), 1u);
  EXPECT_NE(wishes.notes[0].find("batch-size 256, kv-type q8_0"), std::string::npos) << wishes.notes[0];
  EXPECT_NE(wishes.notes[0].find("2026-11-27"), std::string::npos);
}

TEST(Profile, LeavesOutWhatMakesNoSense) {
  TunedProfile odd = profile();
  odd.levers = {{"threads", "8", "none", 1, {}, 1},
                {"batch-size", "512", "4", 1, {}, 1},
                {"kv-type", "f16", "q99", 1, {}, 1},
                {"flux", "1", "2", 1, {}, 1}};
  Wishes wishes;
  wishes.parallel = 8;  // a batch of 4 has no room for them
  apply_profile(odd, "2026-11-27T10:00:00Z", wishes);
  EXPECT_FALSE(wishes.threads || wishes.batch_size || wishes.kv_format);
  EXPECT_TRUE(wishes.notes.empty());
}

TEST(Profile, NamesOfKvFormats) {
  EXPECT_EQ(kv_format_named("f16"), Format::kF16);
  EXPECT_EQ(kv_format_named("q4_0"), Format::kQ4_0);
  EXPECT_FALSE(kv_format_named("q4_k").has_value());
  EXPECT_FALSE(kv_format_named("F16").has_value());
}

}  // namespace
}  // namespace vivace
