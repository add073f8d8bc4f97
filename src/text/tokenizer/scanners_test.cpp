// Each hand-written scanner cuts as the pattern that it stands for, on random text.
#include "text/tokenizer/scanners.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "text/tokenizer/pre_split.h"
#include "text/tokenizer/unicode.h"

namespace vivace {
namespace {

using Pieces = std::vector<std::string>;

constexpr const char* kPatterns[] = {
    patterns::kGpt2,
    patterns::kLlama3,
    patterns::kQwen2,
    patterns::kLlama3AnyDigits,
    patterns::kQwen2NoContractions,
    patterns::kQwen35,
    patterns::kGpt4o,
    patterns::kTekken,
    patterns::kJais2,
    patterns::kDigit,
    patterns::kThreeDigits,
    patterns::kDigitRun,
    patterns::kNewlines,
    patterns::kTrailingSpaces,
    patterns::kDigitsFromRight,
    patterns::kDigitsFromRightAlone,
    patterns::kCutDigitsFromRight,
};

// Characters that the patterns tell apart, often repeated.
std::string random_text(std::mt19937& random) {
  static const std::vector<std::string> kUnits = {"a",
                                                  "b",
                                                  "Z",
                                                  "s",
                                                  "t",
                                                  "re",
                                                  "VE",
                                                  "LL",
                                                  "'",
                                                  "'s",
                                                  "'T",
                                                  "1",
                                                  "2",
                                                  "34",
                                                  "\xC2\xBD",
                                                  "\xD9\xA3",
                                                  " ",
                                                  "  ",
                                                  "\n",
                                                  "\r",
                                                  "\t",
                                                  "\xC2\xA0",
                                                  "\xE3\x80\x80",
                                                  ".",
                                                  ",",
                                                  "/",
                                                  "_",
                                                  "\xE4\xB8\xAD",
                                                  "\xC3\xA9",
                                                  "\xC3\x89",
                                                  "\xCC\x81",
                                                  "\xC7\x85",
                                                  "\xCA\xB0",
                                                  "\xF0\x9F\x98\x80",
                                                  "\xE2\x82\xAC",
                                                  "\xE1\xA0\x8E",
                                                  "\xE2\x80\x8B"};
  std::string text;
  for (size_t i = random() % 12; i > 0; --i) text += kUnits[random() % kUnits.size()];
  return text;
}

TEST(Scanners, CutAsTheirPatterns) {
  std::mt19937 random(11);
  Regex::Scratch scratch;
  for (const char* pattern : kPatterns) {
    const Scanner scanner = find_scanner(pattern);
    ASSERT_NE(scanner, nullptr) << pattern;
    const Regex regex(pattern);
    for (int round = 0; round < 6000; ++round) {
      std::string text = random_text(random);
      if (pattern == patterns::kTrailingSpaces || pattern == patterns::kCutDigitsFromRight) {
        std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });  // they run on pieces of a line
      }
      Pieces expected, found;
      split_by_regex(regex, text, scratch,
                     [&](size_t begin, size_t end) { expected.push_back(text.substr(begin, end - begin)); });
      scanner(text, [&](size_t begin, size_t end) { found.push_back(text.substr(begin, end - begin)); });
      ASSERT_EQ(found, expected) << pattern << "\non: " << text;
    }
  }
}

TEST(PreSplit, EveryRuleCompilesAndCoversTheText) {
  std::mt19937 random(12);
  Regex::Scratch scratch;
  for (const PreSplitRule* rule : all_pre_splits()) {
    EXPECT_EQ(find_pre_split(rule->name), rule);
    const PreSplitter splitter(*rule);
    for (int round = 0; round < 100; ++round) {
      const std::string text = random_text(random) + (round % 3 == 0 ? "\xFF\xC3" : "") + random_text(random);
      std::string joined;
      splitter.split(text, scratch, [&](size_t begin, size_t end) { joined += text.substr(begin, end - begin); });
      EXPECT_EQ(joined, text) << rule->name;
    }
  }
}

Pieces pieces_of(const char* rule, const std::string& text) {
  const PreSplitter splitter(*find_pre_split(rule));
  Regex::Scratch scratch;
  Pieces pieces;
  splitter.split(text, scratch, [&](size_t begin, size_t end) { pieces.push_back(text.substr(begin, end - begin)); });
  return pieces;
}

TEST(PreSplit, KnownCuts) {
  EXPECT_EQ(pieces_of("gpt-2", "I'm  here, 1234\n"), (Pieces{"I", "'m", " ", " here", ",", " 1234", "\n"}));
  EXPECT_EQ(pieces_of("llama-bpe", "I'M  here,\n1234"), (Pieces{"I", "'M", " ", " here", ",\n", "123", "4"}));
  EXPECT_EQ(pieces_of("qwen2", "x 12"), (Pieces{"x", " ", "1", "2"}));
  EXPECT_EQ(pieces_of("gpt-4o", "helloWorld's HTTPServer"), (Pieces{"hello", "World's", " HTTPServer"}));
  EXPECT_EQ(pieces_of("tekken", "It's"), (Pieces{"It", "'s"}));
  EXPECT_EQ(pieces_of("smollm", "in 2024"), (Pieces{"in", " ", "2", "0", "2", "4"}));
  EXPECT_EQ(pieces_of("tiny_aya", "1234567"), (Pieces{"1", "234", "567"}));
  EXPECT_EQ(pieces_of("superbpe", "a b 1234567!"), (Pieces{"a b ", "1", "234", "567", "!"}));
  EXPECT_EQ(pieces_of("falcon", "12345 a"), (Pieces{"123", "45", " a"}));
  EXPECT_EQ(pieces_of("deepseek-v3", "abc 123456\xE4\xB8\xAD\xE6\x96\x87"),
            (Pieces{"abc", " ", "123", "456", "\xE4\xB8\xAD\xE6\x96\x87"}));
  EXPECT_EQ(pieces_of("kimi-k2",
                      "ab\xE4\xB8\xAD\xE6\x96\x87"
                      "cd"),
            (Pieces{"ab", "\xE4\xB8\xAD\xE6\x96\x87", "cd"}));
}

}  // namespace
}  // namespace vivace
