// The scheduler's policy as data: each .trace says who arrives when, and what every turn has to compute.
//
//   # anything                       a comment
//   budget N / prompt-budget N       tokens of a turn, and of prompts in a turn that also generates; from here on
//   arrive NAME PROMPT ANSWER        a request with so many tokens; the answer's first comes with the prompt's last
//   leave NAME                       its client is gone
//   turn NAME:TOKENS …               the next turn computes exactly this, in this order; alone: nothing
//   until NAME N                     the first token of NAME's answer comes in the N-th of the turns from here on
//   end                              all have their answers
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/sched/scheduler.h"

namespace vivace {
namespace {

namespace fs = std::filesystem;

struct Client {
  std::string name;
  int32_t prompt = 0, answer = 0;  // tokens still to come
};

class Trace {
 public:
  /// One line; what is wrong with it, or "".
  std::string follow(const std::string& line) {
    std::istringstream words(line);
    std::string what, name;
    words >> what;
    if (what.empty() || what[0] == '#') return "";
    if (what == "budget") return words >> budget_ ? "" : "a number is missing";
    if (what == "prompt-budget") return words >> prompt_budget_ ? "" : "a number is missing";
    if (what == "arrive") {
      Client client;
      if (!(words >> client.name >> client.prompt >> client.answer)) return "arrive NAME PROMPT ANSWER";
      clients_.push_back(client);
      return "";
    }
    if (what == "leave") {
      words >> name;
      const auto gone = std::erase_if(clients_, [&](const Client& client) { return client.name == name; });
      return gone == 1 ? "" : "nobody is called " + name;
    }
    if (what == "turn") {
      std::string wanted;
      std::getline(words >> std::ws, wanted);
      const std::string got = turn();
      return got == wanted ? "" : "the turn computes '" + got + "'";
    }
    if (what == "until") return until(words);
    if (what == "end") return clients_.empty() ? "" : clients_.front().name + " is still there";
    return "unknown word '" + what + "'";
  }

 private:
  std::string until(std::istringstream& words) {
    std::string name;
    int wanted = 0;
    if (!(words >> name >> wanted)) return "until NAME N";
    for (int n = 1; n <= 100000; ++n) {
      turn();
      const auto it = std::find_if(clients_.begin(), clients_.end(), [&](const Client& c) { return c.name == name; });
      if (it != clients_.end() && it->prompt > 0) continue;
      return n == wanted ? "" : "it came in turn " + std::to_string(n);
    }
    return name + " starves";
  }

  /// Does what the policy says, as the engine would; in the trace's words.
  std::string turn() {
    std::vector<SchedulerEntry> entries;
    for (const Client& client : clients_) entries.push_back({client.prompt > 0 ? client.prompt : 1, client.prompt > 0});
    std::string said;
    for (const TurnShare& share : plan_turn(entries, budget_, prompt_budget_)) {
      Client& client = clients_[size_t(share.index)];
      said += (said.empty() ? "" : " ") + client.name + ":" + std::to_string(share.tokens);
      if (client.prompt > 0) client.prompt -= share.tokens;
      if (client.prompt == 0) --client.answer;
    }
    std::erase_if(clients_, [](const Client& client) { return client.answer <= 0; });
    return said;
  }

  std::vector<Client> clients_;  // in the order of arrival
  int32_t budget_ = 512, prompt_budget_ = 512;
};

std::vector<fs::path> traces() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(fs::path(VIVACE_SOURCE_DIR) / "tests/sched")) {
    if (entry.path().extension() == ".trace") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

class SchedulerTrace : public ::testing::TestWithParam<fs::path> {};

TEST_P(SchedulerTrace, IsFollowed) {
  std::ifstream file(GetParam());
  Trace trace;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    ASSERT_EQ(trace.follow(line), "") << GetParam().filename().string() << ":" << number << ": " << line;
  }
  EXPECT_GT(number, 3);
}

INSTANTIATE_TEST_SUITE_P(Traces, SchedulerTrace, ::testing::ValuesIn(traces()),
                         [](const auto& test) { return test.param.stem().string(); });

}  // namespace
}  // namespace vivace
