// Predictions that learn from what was measured.
#include "advise/seen_speed.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/json.h"

namespace vivace {
namespace {

TEST(SeenSpeed, IsTheMedianOfTheRunsByWhatTheyMeasured) {
  const std::vector<Json> runs = {seen_speed_json({100, 10}, {90, 8}, 1), seen_speed_json({100, 10}, {80, 9}, 1),
                                  seen_speed_json({100, 10}, {85, 1}, 1), seen_speed_json({0, 40}, {0, 60}, 4)};
  const SpeedCorrection correction = correction_of(runs);
  EXPECT_EQ(correction.runs, 4);
  EXPECT_DOUBLE_EQ(correction.prefill, 0.85);
  EXPECT_DOUBLE_EQ(correction.decode, 0.8);
  EXPECT_DOUBLE_EQ(correction.streams, 1.5);
}

TEST(SeenSpeed, NothingSeenChangesNothing) {
  const SpeedCorrection none = correction_of({});
  EXPECT_EQ(none.runs, 0);
  EXPECT_EQ(none.prefill * none.decode * none.streams, 1);
}

TEST(SeenSpeed, WhatIsFarOffOrNoRecordIsNotFollowed) {
  const std::vector<Json> runs = {
      Json::object(), Json("x"), {{"streams", 1}, {"decode", 3}}, seen_speed_json({100, 10}, {1, 1000}, 1)};
  const SpeedCorrection correction = correction_of(runs);
  EXPECT_EQ(correction.runs, 1);
  EXPECT_DOUBLE_EQ(correction.prefill, 0.5);
  EXPECT_DOUBLE_EQ(correction.decode, 2);
}

}  // namespace
}  // namespace vivace
