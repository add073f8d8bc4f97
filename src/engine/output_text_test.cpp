#include "engine/output_text.h"

#include <gtest/gtest.h>

#include <random>

#include "base/utf8.h"

namespace vivace {
namespace {

struct Result {
  std::string text, stopped_by;
};

/// Pushes the pieces, checks that only complete characters leave, and adds up what came.
Result feed(const std::vector<std::string>& pieces, const std::vector<std::string>& stop) {
  OutputText output(stop);
  Result result;
  for (const std::string& piece : pieces) {
    const std::string text = output.push(piece);
    EXPECT_EQ(incomplete_utf8_tail(text), 0u);
    EXPECT_EQ(replace_invalid_utf8(text), text);
    result.text += text;
    if (!output.stopped_by().empty()) break;
  }
  result.text += output.flush();
  result.stopped_by = output.stopped_by();
  return result;
}

TEST(OutputText, PlainTextPassesAtOnce) {
  OutputText output;
  EXPECT_EQ(output.push("Hello"), "Hello");
  EXPECT_EQ(output.push(", world"), ", world");
  EXPECT_EQ(output.flush(), "");
  EXPECT_EQ(output.stopped_by(), "");
}

TEST(OutputText, HalvesOfCharactersWait) {
  OutputText output;
  EXPECT_EQ(output.push("a\xF0\x9F"), "a");
  EXPECT_EQ(output.push("\x98"), "");
  EXPECT_EQ(output.push("\x80!"), "😀!");
  EXPECT_EQ(output.push("\xE2\x82"), "");
  EXPECT_EQ(output.flush(), "\uFFFD") << "a character that never came";
}

TEST(OutputText, InvalidBytesBecomeReplacements) {
  OutputText output;
  EXPECT_EQ(output.push("\xFF"), "\uFFFD");
  EXPECT_EQ(output.push("\xE2"), "");
  EXPECT_EQ(output.push("A"), "\uFFFDA");
}

TEST(OutputText, StopStringsSpanTokens) {
  OutputText output({"</end>"});
  EXPECT_EQ(output.push("text </"), "text ");
  EXPECT_EQ(output.push("en"), "");
  EXPECT_EQ(output.push("d> more"), "");
  EXPECT_EQ(output.stopped_by(), "</end>");
  EXPECT_EQ(output.push("more"), "");
  EXPECT_EQ(output.flush(), "");
}

TEST(OutputText, WhatOnlyLookedLikeAStopStringIsGivenBack) {
  OutputText output({"abac"});
  EXPECT_EQ(output.push("aba"), "");
  EXPECT_EQ(output.push("b"), "ab") << "\"ab\" may still begin it";
  EXPECT_EQ(output.push("ac!"), "");
  EXPECT_EQ(output.stopped_by(), "abac");
  EXPECT_EQ(feed({"aba"}, {"abac"}).text, "aba");
}

TEST(OutputText, TheStopStringThatIsCompleteFirstWins) {
  EXPECT_EQ(feed({"xabcdy"}, {"abcd", "c"}).text, "xab");
  EXPECT_EQ(feed({"xabcdy"}, {"cd", "abcd"}).stopped_by, "abcd") << "of two that end together the longer";
  EXPECT_EQ(feed({"xabcdy"}, {"cd", "abcd"}).text, "x");
  EXPECT_EQ(feed({"nothing"}, {""}).text, "nothing") << "an empty stop string never stops";
}

TEST(OutputText, StopInsideACharacterWaitsForTheCharacter) {
  EXPECT_EQ(feed({"a\xE2\x82",
                  "\xAC"
                  "b"},
                 {"€"})
                .text,
            "a");
  EXPECT_EQ(feed({"a\xE2\x82",
                  "\xAD"
                  "b"},
                 {"€"})
                .text,
            "a\u20ADb");
}

// Brute force: the end of the answer is found on the whole text; any cutting into tokens must give the same.
TEST(OutputText, CuttingIntoTokensChangesNothing) {
  std::mt19937 random(7);
  const std::vector<std::string> alphabet{"a", "b", "ab", "ba", "é", "\xF0\x9F\x98\x80", "aa", "\xFF"};
  for (int round = 0; round < 3000; ++round) {
    std::string whole;
    for (int i = 0; i < 14; ++i) whole += alphabet[random() % alphabet.size()];
    std::vector<std::string> stop;
    for (int i = 0; i < int(random() % 4); ++i) {
      std::string s;
      for (int j = 0; j < 1 + int(random() % 3); ++j) s += alphabet[random() % (alphabet.size() - 1)];
      stop.push_back(s);
    }
    size_t first = whole.size(), end = std::string::npos;
    for (const std::string& s : stop) {
      const size_t at = whole.find(s);
      if (at == std::string::npos) continue;
      if (at + s.size() < end || (at + s.size() == end && at < first)) {
        first = at;
        end = at + s.size();
      }
    }
    std::vector<std::string> pieces;
    for (size_t at = 0; at < whole.size();) {
      const size_t n = 1 + random() % 5;
      pieces.push_back(whole.substr(at, n));
      at += n;
    }
    const Result result = feed(pieces, stop);
    ASSERT_EQ(result.text, replace_invalid_utf8(whole.substr(0, first))) << "round " << round;
    ASSERT_EQ(!result.stopped_by.empty(), end != std::string::npos);
  }
}

}  // namespace
}  // namespace vivace
