// Answers of every family, however they are cut into pieces.
#include "text/answer/answer_parser.h"

#include <gtest/gtest.h>

#include <random>

#include "base/json.h"

namespace vivace {
namespace {

using Kind = AnswerPart::Kind;

const AnswerFormat& format_named(std::string_view name) {
  for (const AnswerFormat& row : answer_formats()) {
    if (row.name == name) return row;
  }
  throw std::runtime_error("no such format");
}

struct Call {
  std::string name, arguments, id;
  bool complete = false;
  bool operator==(const Call&) const = default;
};

struct Said {
  std::string content, reasoning;
  std::vector<Call> calls;
};

void take(Said& said, const std::vector<AnswerPart>& parts) {
  for (const AnswerPart& part : parts) {
    if (part.kind == Kind::kContent) said.content += part.text;
    if (part.kind == Kind::kReasoning) said.reasoning += part.text;
    if (part.kind == Kind::kCallBegin) {
      EXPECT_EQ(part.call, int(said.calls.size()));
      said.calls.push_back({part.text, "", part.id});
    }
    if (part.kind == Kind::kCallArguments) said.calls.at(size_t(part.call)).arguments += part.text;
    if (part.kind == Kind::kCallEnd) said.calls.at(size_t(part.call)).complete = true;
  }
}

Said parse(std::string_view format, const std::string& answer, size_t piece, AnswerParserOptions options) {
  AnswerParser parser(format_named(format), std::move(options));
  Said said;
  for (size_t at = 0; at < answer.size(); at += piece) take(said, parser.push(answer.substr(at, piece)));
  take(said, parser.finish());
  return said;
}

struct Case {
  std::string format, answer, content, reasoning;
  std::vector<Call> calls = {};
  bool in_reasoning = false;
  bool with_tools = true;
};

const std::string kArguments = R"({"city": "Köln \"}", "days": [1, {"a": 2}]})";

std::vector<Case> cases() {
  const Call weather{"get_weather", kArguments, "", true};
  const std::string object = R"({"name": "get_weather", "arguments": )" + kArguments + "}";
  const std::string parameters = R"({"name": "get_weather", "parameters": )" + kArguments + "}";
  const std::string late = R"({"arguments": )" + kArguments + R"(, "name": "get_weather"})";
  return {
      {"generic", "Hello, world", "Hello, world", ""},
      {"generic", "a < b and <thin", "a < b and <thin", ""},
      {"hermes", "<think>\nLet me see.\n\nYes.\n</think>\n\nHi.", "Hi.", "Let me see.\n\nYes."},
      {"hermes", "<think>\n\n</think>\n\nHi.", "Hi.", ""},
      {"hermes", "Let me see.\n</think>\n\nHi.", "Hi.", "Let me see.", {}, true},
      {"hermes", "It writes <think> first.", "It writes <think> first.", ""},
      {"hermes", "<tool_call>\n" + object + "\n</tool_call>", "", "", {weather}},
      {"hermes", "<tool_call>\n" + late + "\n</tool_call>", "", "", {weather}},
      {"hermes",
       "Both.\n<tool_call>\n" + object +
           "\n</tool_call>\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>",
       "Both.",
       "",
       {weather, {"now", "{}", "", true}}},
      {"hermes", "<think>x</think><tool_call>" + object + "</tool_call>", "", "x", {weather}},
      {"hermes", "<tool_call>{\"name\": \"now\"}</tool_call>", "", "", {{"now", "", "", true}}},
      {"hermes",
       "<tool_call>" + object + "</tool_call>",
       "<tool_call>" + object + "</tool_call>",
       "",
       {},
       false,
       false},
      {"hermes", "<tool_call>{\"name\": \"now\", \"arguments\": {\"a\"", "", "", {{"now", "{\"a\"", "", true}}},
      {"hermes", "<tool_call>{\"nothing\": 1}</tool_call>", "<tool_call>{\"nothing\": 1}</tool_call>", ""},
      {"hermes",
       R"(<tool_call>{"name": "now", "arguments": "{\"a\": 1}"}</tool_call>)",
       "",
       "",
       {{"now", "{\"a\": 1}", "", true}}},
      {"llama3", parameters, "", "", {weather}},
      {"llama3", "<|python_tag|>" + parameters, "", "", {weather}},
      {"llama3", "{\"name\": \"unknown\", \"parameters\": {}}", "{\"name\": \"unknown\", \"parameters\": {}}", ""},
      {"llama3", "{\"answer\": 42}", "{\"answer\": 42}", ""},
      {"llama3", "Look: " + parameters, "Look: " + parameters, ""},
      {"mistral", "[TOOL_CALLS]get_weather[ARGS]" + kArguments, "", "", {weather}},
      {"mistral",
       "[TOOL_CALLS]get_weather[CALL_ID]call12345[ARGS]" + kArguments + "[TOOL_CALLS]now[ARGS]{}",
       "",
       "",
       {{"get_weather", kArguments, "call12345", true}, {"now", "{}", "", true}}},
      {"mistral",
       "[TOOL_CALLS] [" + object + ", {\"name\": \"now\", \"arguments\": {}}]",
       "",
       "",
       {weather, {"now", "{}", "", true}}},
      {"mistral", "[THINK]hm[/THINK]Yes [sic].", "Yes [sic].", "hm"},
      {"granite", "<|tool_call|>[" + object + "]", "", "", {weather}},
      {"command-r",
       "Action: ```json\n[\n    {\n        \"tool_name\": \"get_weather\",\n        \"parameters\": " + kArguments +
           "\n    }\n]```",
       "",
       "",
       {weather}},
      {"deepseek",
       "I call.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>" + kArguments +
           "<｜tool▁call▁end｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
       "I call.",
       "",
       {weather, {"now", "{}", "", true}}},
      {"deepseek",
       "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n" + kArguments +
           "\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
       "",
       "",
       {weather}},
      {"gemma",
       "<|channel>thought\nhm\n<channel|><|tool_call>call:get_weather{city:<|\"|>Köln, {x}<|\"|>,days:2,more:[true,"
       "None],deep:{a:1.5}}<tool_call|>",
       "",
       "hm",
       {{"get_weather", R"({"city":"Köln, {x}","days":2,"more":[true,null],"deep":{"a":1.5}})", "", true}}},
      {"harmony",
       "<|channel|>analysis<|message|>Think hard.<|end|><|start|>assistant<|channel|>final<|message|>Hi < there.",
       "Hi < there.", "Think hard."},
      {"harmony",
       "<|channel|>analysis<|message|>Call.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather "
       "<|constrain|>json<|message|>" +
           kArguments + "<|call|>",
       "",
       "Call.",
       {weather}},
      {"harmony",
       "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant to=functions.get_weather<|channel|>commentary "
       "json<|message|>" +
           kArguments + "<|call|>",
       "I look.",
       "",
       {weather}},
      {"harmony", "No channels at all.", "No channels at all.", ""},
  };
}

TEST(AnswerParser, EveryFamilyInPiecesOfEverySize) {
  for (const Case& wanted : cases()) {
    for (size_t piece : {size_t(1), size_t(2), size_t(3), size_t(7), size_t(30), size_t(10000)}) {
      SCOPED_TRACE(wanted.format + ": " + wanted.answer + " by " + std::to_string(piece));
      AnswerParserOptions options;
      options.calls = wanted.with_tools;
      options.in_reasoning = wanted.in_reasoning;
      options.tools = {"get_weather", "now"};
      const Said said = parse(wanted.format, wanted.answer, piece, options);
      EXPECT_EQ(said.content, wanted.content);
      EXPECT_EQ(said.reasoning, wanted.reasoning);
      EXPECT_EQ(said.calls, wanted.calls);
    }
  }
}

TEST(AnswerParser, ArgumentsStreamAsTheyCome) {
  AnswerParserOptions options;
  options.calls = true;
  AnswerParser parser(format_named("hermes"), options);
  const auto opened = parser.push("<tool_call>{\"name\": \"now\", \"arguments\": {\"a\": ");
  ASSERT_EQ(opened.size(), 2u);
  EXPECT_EQ(opened[0].text, "now");
  EXPECT_EQ(opened[1].text, "{\"a\": ");
  EXPECT_EQ(parser.push("12").at(0).text, "12");
}

TEST(AnswerParser, ReasoningCanBeLeftInTheContent) {
  AnswerParserOptions options;
  options.reasoning = false;
  EXPECT_EQ(parse("hermes", "<think>a</think>b", 2, options).content, "<think>a</think>b");
}

// Whatever a model writes: nothing is lost that is no marker, and the cut doesn't matter.
TEST(AnswerParser, RandomAnswersDoNotDependOnTheCut) {
  std::mt19937 random(11);
  for (const AnswerFormat& format : answer_formats()) {
    std::vector<std::string> words = {
        "{", "}",  "[", "]", "\"", "name", "\"name\": \"now\"", "arguments", ":",     ",",
        " ", "\n", "x", "é", "`",  "json", "to=functions.now",  "assistant", "final", "analysis"};
    for (std::string_view marker : format.markers()) words.emplace_back(marker);
    for (int round = 0; round < 300; ++round) {
      std::string answer;
      for (int n = int(random() % 14); n >= 0; --n) answer += words[random() % words.size()];
      AnswerParserOptions options;
      options.calls = random() % 2 == 0;
      options.tools = {"now"};
      const Said whole = parse(format.name, answer, answer.size() + 1, options);
      const Said pieces = parse(format.name, answer, 1, options);
      ASSERT_EQ(whole.content, pieces.content) << format.name << ": " << answer;
      ASSERT_EQ(whole.reasoning, pieces.reasoning) << format.name << ": " << answer;
      ASSERT_EQ(whole.calls, pieces.calls) << format.name << ": " << answer;
    }
  }
}

}  // namespace
}  // namespace vivace
