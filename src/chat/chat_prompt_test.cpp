#include "chat/chat_prompt.h"

#include <gtest/gtest.h>

namespace vivace {
namespace {

/// "s u a u" as messages; what they say is their place.
Json chat_of(const std::string& roles) {
  Json messages = Json::array();
  for (const char letter : roles) {
    const char* role = letter == 's' ? "system" : letter == 'u' ? "user" : letter == 'a' ? "assistant" : "tool";
    messages.push_back({{"role", role}, {"content", std::to_string(messages.size())}});
  }
  return messages;
}

/// What is left after each step, until nothing may go.
std::vector<std::string> steps(const std::string& roles, LeaveOut leave_out) {
  std::vector<std::string> left;
  for (Json messages = chat_of(roles); forget_one(messages, leave_out);) {
    std::string kept;
    for (const Json& message : messages) kept += message.at("content").get<std::string>();
    left.push_back(kept);
  }
  return left;
}

using Steps = std::vector<std::string>;

TEST(ForgetOne, TheOldestGoInTurns) {
  EXPECT_EQ(steps("suauau", LeaveOut::kOldest), (Steps{"0345", "05"}));
  EXPECT_EQ(steps("uauau", LeaveOut::kOldest), (Steps{"234", "4"}));
  EXPECT_EQ(steps("su", LeaveOut::kOldest), Steps{});
  EXPECT_EQ(steps("u", LeaveOut::kOldest), Steps{});
}

TEST(ForgetOne, TheMiddleGoesInTurns) {
  EXPECT_EQ(steps("suauau", LeaveOut::kMiddle), (Steps{"0145", "015"}));
  EXPECT_EQ(steps("uauau", LeaveOut::kMiddle), (Steps{"034", "04"}));
}

TEST(ForgetOne, ResultsOfCallsGoWithThem) {
  EXPECT_EQ(steps("suattauau", LeaveOut::kOldest), (Steps{"0678", "08"}));
  EXPECT_EQ(steps("uattau", LeaveOut::kMiddle), (Steps{"045", "05"}));
}

TEST(ForgetOne, ChatsWithoutTurnsLoseOneAtATime) {
  EXPECT_EQ(steps("suuuu", LeaveOut::kOldest), (Steps{"0234", "034", "04"}));
  EXPECT_EQ(steps("uuuu", LeaveOut::kMiddle), (Steps{"023", "03"}));
}

}  // namespace
}  // namespace vivace
