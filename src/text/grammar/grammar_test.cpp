// Grammars over a small vocabulary: what is allowed, step by step, and what is no grammar.
#include "text/grammar/grammar.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "text/grammar/gbnf.h"

namespace vivace {
namespace {

/// The bytes as tokens, and an end.
std::unique_ptr<Tokenizer> byte_tokenizer() {
  VocabularyData data;
  data.model = "llama";
  data.tokens = {"<unk>", "<s>", "</s>"};
  data.token_types = {2, 3, 3};
  constexpr char kHex[] = "0123456789ABCDEF";
  for (int byte = 0; byte < 256; ++byte) {
    data.tokens.push_back(std::string("<0x") + kHex[byte >> 4] + kHex[byte & 15] + ">");
    data.token_types.push_back(6);
  }
  data.scores.assign(data.tokens.size(), 0);
  data.bos = 1;
  data.eos = 2;
  return Tokenizer::create(std::move(data));
}

class GrammarTest : public ::testing::Test {
 protected:
  /// The bytes allowed after `text`; "$" where the answer may end.
  std::string next(GrammarKind kind, const std::string& grammar, const std::string& text) {
    Grammar state(vocabulary_, kind, grammar);
    for (char c : text) {
      EXPECT_TRUE(state.take(3 + uint8_t(c)));
    }
    const auto mask = state.allowed();
    std::string bytes;
    for (int32_t id = 0; id < vocabulary_->size(); ++id) {
      if ((mask[size_t(id) / 32] >> (id % 32) & 1) == 0) continue;
      if (id == 2) bytes += '$';
      if (id >= 3) bytes += char(id - 3);
    }
    return bytes;
  }

  std::unique_ptr<Tokenizer> tokenizer_ = byte_tokenizer();
  std::shared_ptr<GrammarVocabulary> vocabulary_ = std::make_shared<GrammarVocabulary>(*tokenizer_);
};

TEST_F(GrammarTest, RegularExpressionsAndSchemas) {
  EXPECT_EQ(next(GrammarKind::kRegex, "ab?c", ""), "a");
  EXPECT_EQ(next(GrammarKind::kRegex, "ab?c", "a"), "bc");
  EXPECT_EQ(next(GrammarKind::kRegex, "ab?c", "abc"), "$");
  const std::string schema = R"({"enum": ["yes", "no"]})";
  EXPECT_EQ(next(GrammarKind::kJsonSchema, schema, "\""), "ny");
  EXPECT_EQ(next(GrammarKind::kJsonSchema, schema, "\"no\""), "$");
}

TEST_F(GrammarTest, GbnfGrammars) {
  const std::string gbnf =
      "# a list\n"
      "root ::= \"[\" item (\",\" item)* \"]\"\n"
      "item ::= word-A | [0-9]{2}\n"
      "  | \"\\\"q\\\"\"\n"
      "word-A ::= (\n  \"x\" | \"y\"\n)\n";
  const std::string lark = lark_of_gbnf(gbnf);
  EXPECT_TRUE(is_gbnf(gbnf));
  EXPECT_EQ(next(GrammarKind::kLark, lark, "["), "\"0123456789xy");
  EXPECT_EQ(next(GrammarKind::kLark, lark, "[4"), "0123456789");
  EXPECT_EQ(next(GrammarKind::kLark, lark, "[42"), ",]");
  EXPECT_EQ(next(GrammarKind::kLark, lark, "[x]"), "$");
}

TEST_F(GrammarTest, WhatIsNoGrammarIsRefused) {
  for (const char* text : {"", "root = \"a\"", "root ::= \"a", "root ::= [a", "root ::= (\"a\""}) {
    EXPECT_THROW(lark_of_gbnf(text), Error) << text;
  }
  EXPECT_THROW(Grammar(vocabulary_, GrammarKind::kJsonSchema, "{"), Error);
  EXPECT_THROW(Grammar(vocabulary_, GrammarKind::kJsonSchema, "{\"type\": \"verse\"}"), Error);
  EXPECT_THROW(Grammar(vocabulary_, GrammarKind::kLark, "start: ("), Error);
  EXPECT_THROW(Grammar(vocabulary_, GrammarKind::kRegex, "("), Error);
}

TEST_F(GrammarTest, TokensAreTakenJustWhereTheyAreAllowed) {
  const std::string schema = R"({"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}, )"
                             R"("b": {"type": "integer"}}, "required": ["a", "b"], "additionalProperties": false})";
  const std::string text = R"({"a": "x\n", "b": -12})";
  for (size_t length = 0; length <= text.size(); ++length) {
    const std::string before = text.substr(0, length);
    std::string may_come = next(GrammarKind::kJsonSchema, schema, before);
    const bool may_end = may_come.starts_with('$');  // the end token comes before the bytes
    if (may_end) may_come.erase(0, 1);
    for (int32_t id = -1; id <= vocabulary_->size(); ++id) {
      Grammar state(vocabulary_, GrammarKind::kJsonSchema, schema);
      for (char c : before) ASSERT_TRUE(state.take(3 + uint8_t(c)));
      const bool byte = id >= 3 && id < vocabulary_->size() && may_come.find(char(id - 3)) != std::string::npos;
      EXPECT_EQ(state.take(id), byte || (id == 2 && may_end)) << before << " and " << id;
    }
  }
}

}  // namespace
}  // namespace vivace
