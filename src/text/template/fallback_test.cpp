// The choice of fallback templates and what they print.
#include "text/template/fallback.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "base/json.h"
#include "text/template/chat_template.h"

namespace vivace {
namespace {

std::string chosen(const std::set<std::string_view>& vocabulary) {
  const auto choice = choose_fallback([&](std::string_view token) { return vocabulary.count(token) > 0; });
  return choice ? choice->name : "";
}

std::string rendered(std::string_view name, bool add_generation_prompt = true) {
  const auto choice = fallback_by_name(name);
  if (!choice) return "no such template";
  const Json messages = parse_json(
      R"([{"role":"system","content":"S"},{"role":"user","content":" U "},{"role":"assistant","content":"A"},
          {"role":"user","content":[{"type":"text","text":"V"}]}])");
  return ChatTemplate(choice->source, "<s>", "</s>").render(messages, nullptr, add_generation_prompt, nullptr);
}

TEST(Fallback, IsChosenByTheTokensInTheVocabulary) {
  EXPECT_EQ(chosen({"<|im_start|>", "<|im_end|>", "<s>"}), "chatml");
  EXPECT_EQ(chosen({"<|im_start|>", "<|im_end|>", "<|im_sep|>"}), "phi4");
  EXPECT_EQ(chosen({"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}), "llama3");
  EXPECT_EQ(chosen({"<start_of_turn>", "<end_of_turn>"}), "gemma");
  EXPECT_EQ(chosen({"[INST]", "[/INST]"}), "mistral");
  EXPECT_EQ(chosen({"[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"}), "mistral-v7");
  EXPECT_EQ(chosen({"<|user|>", "<|assistant|>", "<|end|>", "<|system|>"}), "phi3");
  EXPECT_EQ(chosen({"<|user|>", "<|assistant|>", "<|system|>"}), "zephyr");
  EXPECT_EQ(chosen({"[gMASK]", "<sop>", "<|user|>", "<|assistant|>", "<|system|>"}), "glm4");
  EXPECT_EQ(chosen({"<｜User｜>", "<｜Assistant｜>"}), "deepseek");
}

TEST(Fallback, NothingFitsAVocabularyWithoutChatTokens) {
  EXPECT_EQ(chosen({"<s>", "</s>", "<unk>"}), "");
  EXPECT_EQ(chosen({"<|im_start|>"}), "");
}

TEST(Fallback, SaysWhy) {
  const auto choice = choose_fallback([](std::string_view token) { return token.substr(0, 4) == "<|im"; });
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->reason,
            "the file has no chat template; its vocabulary has <|im_start|>, <|im_sep|> and <|im_end|>");
}

TEST(Fallback, PrintsWhatTheModelsExpect) {
  EXPECT_EQ(rendered("chatml"),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n U <|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n"
            "<|im_start|>user\nV<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(rendered("llama3", false),
            "<s><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nU"
            "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|><|start_header_id|>user"
            "<|end_header_id|>\n\nV<|eot_id|>");
  EXPECT_EQ(rendered("gemma"),
            "<s><start_of_turn>user\nS\n\nU<end_of_turn>\n<start_of_turn>model\nA<end_of_turn>\n"
            "<start_of_turn>user\nV<end_of_turn>\n<start_of_turn>model\n");
  EXPECT_EQ(rendered("llama2"), "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nU [/INST] A </s><s>[INST] V [/INST]");
  EXPECT_EQ(rendered("mistral"), "<s>[INST] S\n\n U [/INST] A</s>[INST] V[/INST]");
  EXPECT_EQ(rendered("phi3"),
            "<|system|>\nS<|end|>\n<|user|>\n U <|end|>\n<|assistant|>\nA<|end|>\n<|user|>\nV<|end|>\n<|assistant|>\n");
}

TEST(Fallback, AllRenderAndRefuseWhatTheyCannotSay) {
  const Json tools = parse_json(R"([{"type":"function"}])");
  const Json user = parse_json(R"([{"role":"user","content":"U"}])");
  const Json tool = parse_json(R"([{"role":"tool","content":"U"}])");
  const Json image = parse_json(R"([{"role":"user","content":[{"type":"image"}]}])");
  for (const std::string_view name : fallback_names()) {
    SCOPED_TRACE(name);
    EXPECT_NE(rendered(name).find("A"), std::string::npos);
    const ChatTemplate chat(fallback_by_name(name)->source, "<s>", "</s>");
    EXPECT_THROW(chat.render(user, tools, true, nullptr), Error);
    EXPECT_THROW(chat.render(tool, nullptr, true, nullptr), Error);
    EXPECT_THROW(chat.render(image, nullptr, true, nullptr), Error);
  }
  EXPECT_FALSE(fallback_by_name("nonsense"));
}

}  // namespace
}  // namespace vivace
