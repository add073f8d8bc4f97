// Every conversation of conformance/chat, rendered to the byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/test_data.h"
#include "text/template/chat_template.h"

namespace vivace {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::filesystem::path> templates() {
  std::vector<std::filesystem::path> paths;
  if (const auto folder = conformance_path("chat", "chat")) {
    for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
      if (entry.path().extension() == ".jinja") paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

class ChatConformance : public testing::TestWithParam<std::filesystem::path> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ChatConformance);

TEST_P(ChatConformance, RendersExactly) {
  auto cases_path = GetParam();
  const Json cases = parse_json(read(cases_path.replace_extension(".json")));
  const std::string source = read(GetParam());
  ASSERT_FALSE(cases.empty());
  for (const Json& c : cases) {
    SCOPED_TRACE(c.at("name").get<std::string>());
    const auto token = [&](const char* name) { return c.at(name).is_string() ? c.at(name).get<std::string>() : ""; };
    const ChatTemplate chat(source, token("bos_token"), token("eos_token"));
    std::string got;
    bool raised = false;
    try {
      got = chat.render(c.at("messages"), c.at("tools"), c.at("add_generation_prompt").get<bool>(), c.at("extra"),
                        "2025-07-04T09:08:07");
    } catch (const Error& e) {
      raised = true;
      got = e.what();
    }
    if (!c.value("error", false)) {
      EXPECT_FALSE(raised);
      EXPECT_EQ(got, c.at("expected").get<std::string>());
    } else if (c.at("error_kind") == "raise") {
      EXPECT_TRUE(raised);
      EXPECT_FALSE(got.empty());
      // The template's own words, not the engine's.
      EXPECT_NE(got.rfind("chat template", 0), 0u) << got;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Chat, ChatConformance, testing::ValuesIn(templates()), [](const auto& name) {
  std::string text = name.param.stem().string();
  std::replace_if(
      text.begin(), text.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return text;
});

}  // namespace
}  // namespace vivace
