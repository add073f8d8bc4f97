// The tokenizer kinds on small vocabularies whose ids can be worked out by hand, hostile vocabularies, long texts.
#include "text/tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "base/error.h"
#include "text/tokenizer/pre_split.h"
#include "text/tokenizer/test_vocabularies.h"

namespace vivace {
namespace {

using Ids = std::vector<int32_t>;
constexpr EncodeOptions kPlain{false, false};
constexpr EncodeOptions kParsed{false, true};

ErrorCode error_of(VocabularyData data) {
  try {
    Tokenizer::create(std::move(data));
  } catch (const Error& error) {
    EXPECT_FALSE(std::string(error.what()).empty());
    return error.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::kInternal;
}

TEST(Bpe, MergesByRankThenFromTheLeft) {
  const auto t = Tokenizer::create(small_bpe({"b c", "a b", "a a", "aa aa"}));
  EXPECT_EQ(t->encode("abc", kPlain), (Ids{'a', 256}));  // "b c" comes before "a b"
  EXPECT_EQ(t->encode("aaa", kPlain), (Ids{258, 'a'}));  // leftmost of equals
  EXPECT_EQ(t->encode("aaaaaaa", kPlain), (Ids{259, 258, 'a'}));
  EXPECT_EQ(t->decode(t->encode("aaab abc", kPlain)), "aaab abc");
}

TEST(Bpe, WordsDoNotMergeAcrossTheSplit) {
  const auto t = Tokenizer::create(small_bpe({"a \xC4\xA0", "\xC4\xA0 b"}));  // Ġ is the space
  EXPECT_EQ(t->encode("a b", kPlain), (Ids{'a', 257}));
}

TEST(Bpe, BytesThatAreNotUtf8AreTheirTokens) {
  const auto t = Tokenizer::create(small_bpe({"a b"}));
  const std::string text = "ab\xFF\xC3(\xED\xA0\x80";
  EXPECT_EQ(t->encode(text, kPlain), (Ids{256, 0xFF, 0xC3, '(', 0xED, 0xA0, 0x80}));
  EXPECT_EQ(t->decode(t->encode(text, kPlain)), text);
}

TEST(Bpe, WholeWordsSkipMergingWhereTheRuleSaysSo) {
  VocabularyData data = small_bpe({"a b"}, {}, "llama-bpe");
  data.tokens.push_back("abc");
  data.token_types.push_back(1);
  EXPECT_EQ(Tokenizer::create(data)->encode("abc", kPlain), (Ids{257}));
  data.pre = "qwen2";
  EXPECT_EQ(Tokenizer::create(data)->encode("abc", kPlain), (Ids{256, 'c'}));
}

TEST(Bpe, MergesThatMakeNoTokenFallBackToBytes) {
  VocabularyData data = small_bpe({"a b"});
  data.merges = {"a b", "x y", "xy z"};  // neither xy nor xyz is a token
  const auto t = Tokenizer::create(data);
  EXPECT_EQ(t->encode("abxyz", kPlain), (Ids{256, 'x', 'y', 'z'}));
  ASSERT_EQ(t->notes().size(), 1U);
  EXPECT_NE(t->notes()[0].find("2 merges"), std::string::npos);
}

TEST(Bpe, AnUnknownRuleIsReported) {
  const auto t = Tokenizer::create(small_bpe({"a b"}, {}, "of-tomorrow"));
  ASSERT_EQ(t->notes().size(), 1U);
  EXPECT_NE(t->notes()[0].find("of-tomorrow"), std::string::npos);
  EXPECT_EQ(t->pre_split(), "default");
}

TEST(Bpe, RawVocabulariesMarkSpacesAndFallBackToByteTokens) {
  VocabularyData data = small_spm({"a", "b", "\xE2\x96\x81",
                                   "\xE2\x96\x81"
                                   "a",
                                   "ab"});
  data.model = "gemma4";
  data.bos = 1;
  data.scores.clear();
  data.merges = {"\xE2\x96\x81 a", "a b"};
  const auto t = Tokenizer::create(data);
  EXPECT_EQ(t->encode("ab ab\xC3\xA9"), (Ids{1, 263, 262, 260, 3 + 0xC3, 3 + 0xA9}));
  EXPECT_EQ(t->decode(t->encode("ab ab\xC3\xA9")), "ab ab\xC3\xA9");
}

TEST(Bpe, AByteWithoutTokenVanishes) {
  VocabularyData data = small_bpe({"a b"});
  data.tokens[0xF1] = "no longer a byte";
  data.unknown = 0;  // many files name one; the published byte level knows none
  EXPECT_EQ(Tokenizer::create(data)->encode("a\xF1\x84\x9B\xB9", kPlain), (Ids{'a', 0x84, 0x9B, 0xB9}));
}

TEST(Spm, MergesByScoreWithASpaceInFront) {
  const std::string space = "\xE2\x96\x81";
  const auto t = Tokenizer::create(small_spm({space + "ab", space + "a", "ab", space, "a", "b", "bb"}));
  EXPECT_EQ(t->encode("ab"), (Ids{1, 259}));  // BOS by default; ▁a beats ab, then ▁ab
  EXPECT_EQ(t->encode("abb", kPlain), (Ids{259, 264}));
  EXPECT_EQ(t->encode("c", kPlain), (Ids{262, 3 + 'c'}));
  EXPECT_EQ(t->encode("", kPlain), Ids{});
  EXPECT_EQ(t->decode(t->encode("ab c", kPlain)), "ab c");
  EXPECT_EQ(t->decode(t->encode(" ab", kPlain)), " ab");
}

TEST(Spm, SpecialTokensAreTextUnlessParsed) {
  const auto t = Tokenizer::create(small_spm({"a", "\xE2\x96\x81",
                                              "\xE2\x96\x81"
                                              "a"}));
  EXPECT_EQ(t->encode("a</s>a", kParsed), (Ids{261, 2, 261}));  // a new space prefix after a special token
  EXPECT_EQ(t->encode("</s>", kPlain), (Ids{260, 3 + '<', 3 + '/', 3 + 's', 3 + '>'}));
  EXPECT_EQ(t->piece(2), "");
  EXPECT_EQ(t->piece(2, true), "</s>");
  EXPECT_TRUE(t->is_end_of_generation(2));
}

TEST(Spm, UserDefinedTokensAlwaysMatch) {
  VocabularyData data = small_spm({"a", "\xE2\x96\x81"});
  data.tokens.insert(data.tokens.end(), {"<u>", "<u>>"});
  data.token_types.insert(data.token_types.end(), {4, 4});
  data.scores.insert(data.scores.end(), {0, 0});
  data.add_space_prefix = false;
  EXPECT_EQ(Tokenizer::create(data)->encode("a<u>a<u>>", kPlain), (Ids{259, 261, 259, 262}));
}

TEST(Spm, WithoutByteTokensARunOfUnknownTextIsOneUnknown) {
  VocabularyData data;
  data.model = "llama";
  data.tokens = {"<unk>", "<s>", "</s>", "a"};
  data.token_types = {2, 3, 3, 1};
  data.add_space_prefix = false;
  EXPECT_EQ(Tokenizer::create(data)->encode("xyaxa", kPlain), (Ids{0, 3, 0, 3}));
}

TEST(Wpm, LongestMatchOnCleanedWords) {
  const std::string s = "\xE2\x96\x81";
  const auto t =
      Tokenizer::create(small_wpm({s + "run", "ning", s + "cafe", s + ",", s + "\xE4\xB8\xAD", s + "r", "s"}));
  EXPECT_EQ(t->encode("Running, runs"), (Ids{2, 4, 5, 7, 4, 10, 3}));
  EXPECT_EQ(t->encode("Caf\xC3\xA9", kPlain), (Ids{6}));
  EXPECT_EQ(t->encode("\xE4\xB8\xAD\xE4\xB8\xAD", kPlain), (Ids{8, 8}));  // CJK characters stand alone
  EXPECT_EQ(t->encode("runx ru", kPlain), (Ids{1, 1}));                   // what can't be covered to its end is unknown
  EXPECT_EQ(t->decode(t->encode("running", kPlain)), "running");
}

TEST(Ugm, TakesTheBestSumOfScores) {
  const std::string s = "\xE2\x96\x81";
  const auto t = Tokenizer::create(
      small_ugm({{s, -3}, {s + "a", -2}, {"ab", -1}, {"b", -4}, {s + "ab", -7}, {"c", -5}, {"a", -3}}));
  EXPECT_EQ(t->encode("ab"), (Ids{3, 5, 1}));  // ▁ + ab = -4, ▁a + b = -6, ▁ab = -7; EOS by default
  EXPECT_EQ(t->encode("  ab   c ", kPlain), (Ids{3, 5, 3, 8}));
  EXPECT_EQ(t->encode("xyz", kPlain), (Ids{3, 2}));
  EXPECT_EQ(t->decode(t->encode("ab c", kPlain)), "ab c");
}

TEST(Special, LeftmostThenLongest) {
  const auto t = Tokenizer::create(small_bpe({"a b"}, {"<x>", "<x>y", "x>"}));
  EXPECT_EQ(t->encode("<x>y<x>x>", kParsed), (Ids{258, 257, 259}));
}

TEST(Special, EndsOfGeneration) {
  VocabularyData data = small_bpe({"a b"}, {"<|endoftext|>", "<|im_end|>", "<other>"});
  data.eos = 257;
  const auto t = Tokenizer::create(data);
  EXPECT_EQ(t->end_of_generation(), (Ids{257, 258}));
  EXPECT_EQ(t->eot(), 258);
  EXPECT_FALSE(t->is_end_of_generation(259));
  EXPECT_FALSE(t->is_end_of_generation(-1));

  // In the harmony format <|end|> ends a message, not the answer.
  const auto harmony = Tokenizer::create(small_bpe({"a b"}, {"<|return|>", "<|call|>", "<|end|>"}));
  EXPECT_EQ(harmony->end_of_generation(), (Ids{257, 258}));
}

TEST(Special, EndsOfTurnsListedAsTextAreControlTokens) {
  VocabularyData data = small_bpe({"a b"}, {"<|im_end|>"});
  data.token_types.back() = 1;
  const auto t = Tokenizer::create(data);
  EXPECT_EQ(t->token_type(257), TokenType::kControl);
  EXPECT_EQ(t->notes().size(), 1U);
}

TEST(Special, Phi3SwallowsSpacesAfterSpecialTokens) {
  VocabularyData data = small_spm({"a",
                                   "\xE2\x96\x81"
                                   "a",
                                   "\xE2\x96\x81"});
  data.tokens.push_back("<|user|>");
  data.token_types.push_back(3);
  data.scores.push_back(0);
  data.general_name = "Phi-3 mini";
  EXPECT_EQ(Tokenizer::create(data)->encode("<|user|>\n a", kParsed), (Ids{262, 260}));
}

TEST(NoVocabulary, KnowsItsSizeOnly) {
  VocabularyData data;
  data.model = "none";
  data.vocabulary_size = 512;
  const auto t = Tokenizer::create(data);
  EXPECT_EQ(t->size(), 512);
  EXPECT_EQ(t->bos(), -1);
  EXPECT_EQ(t->piece(3), "");
  EXPECT_THROW(t->encode("a"), Error);
}

TEST(Hostile, VocabulariesThatContradictThemselvesAreRefused) {
  VocabularyData empty;
  empty.model = "gpt2";
  EXPECT_EQ(error_of(empty), ErrorCode::kInvalidFile);

  VocabularyData other = small_bpe({"a b"});
  other.model = "rwkv";
  EXPECT_EQ(error_of(other), ErrorCode::kUnsupported);

  for (const int32_t id : {-2, 257, 1 << 30}) {
    VocabularyData data = small_bpe({"a b"});
    data.bos = id;
    EXPECT_EQ(error_of(data), ErrorCode::kInvalidFile) << id;
  }
  VocabularyData scores = small_spm({"a"});
  scores.scores.pop_back();
  EXPECT_EQ(error_of(scores), ErrorCode::kInvalidFile);
  VocabularyData types = small_spm({"a"});
  types.token_types.push_back(1);
  EXPECT_EQ(error_of(types), ErrorCode::kInvalidFile);

  EXPECT_EQ(error_of(small_bpe({})), ErrorCode::kInvalidFile);
  for (const char* merge : {"", " ", "ab", "a ", " a"}) {
    VocabularyData data = small_bpe({"a b"});
    data.merges = {merge};
    EXPECT_EQ(error_of(data), ErrorCode::kInvalidFile) << merge;
  }
}

TEST(Hostile, EmptyAndRepeatedTokensAreHarmless) {
  VocabularyData data = small_spm({"a", "", "a", "", "ab", "b"});
  data.add_space_prefix = false;
  data.scores.back() = std::numeric_limits<float>::quiet_NaN();
  data.token_types[259] = 77;  // no such type: normal
  const auto t = Tokenizer::create(data);
  EXPECT_EQ(t->encode("aab", kPlain), (Ids{261, 263}));
  EXPECT_EQ(t->notes().size(), 2U);
  EXPECT_EQ(t->piece(-1), "");
  EXPECT_EQ(t->piece(t->size()), "");
}

TEST(Hostile, BrokenNormalisationTables) {
  VocabularyData data = small_ugm({{"a", -1}});
  data.precompiled_charsmap = "\x01";
  EXPECT_EQ(error_of(data), ErrorCode::kInvalidFile);
  data.precompiled_charsmap = std::string("\xFF\xFF\xFF\xFFxxxx", 8);
  EXPECT_EQ(error_of(data), ErrorCode::kInvalidFile);
  // Random units: whatever they say, no read is outside the table.
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    data.precompiled_charsmap = std::string("\x40\0\0\0", 4);
    for (int i = 0; i < 80; ++i) data.precompiled_charsmap += static_cast<char>(random() % 3 == 0 ? random() : 0);
    const auto t = Tokenizer::create(data);
    try {
      t->encode(std::string("abc\x01\x02\0xyz", 9), kPlain);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidFile);
    }
  }
}

// Every rule on texts that a careless matcher needs quadratic time for. Sizes are small; a quadratic step would still
// take minutes.
TEST(LongTexts, EveryRuleIsLinear) {
  constexpr size_t kBytes = 200'000;
  std::vector<std::string> texts;
  for (const char* unit :
       {"a", "A", " ", "\n", "\r\n", "1", "'", "\xE4\xB8\xAD", "\xCC\x81", " a", "aA", "\xFF", ".", " \n"}) {
    std::string text;
    while (text.size() < kBytes) text += unit;
    texts.push_back(text);
    texts.push_back(text + "x");
    texts.push_back(text + "1");
    texts.push_back("x" + text + "\xE4\xB8\xAD");
  }
  for (const PreSplitRule* rule : all_pre_splits()) {
    if (rule != all_pre_splits().front() && rule->patterns == (rule - 1)->patterns) continue;
    const PreSplitter splitter(*rule);
    Regex::Scratch scratch;
    for (const std::string& text : texts) {
      size_t at = 0;
      splitter.split(text, scratch, [&](size_t begin, size_t end) {
        ASSERT_EQ(begin, at);
        ASSERT_GT(end, begin);
        at = end;
      });
      EXPECT_EQ(at, text.size()) << rule->name;
    }
  }
}

TEST(LongTexts, MergingIsLinear) {
  const auto bpe = Tokenizer::create(small_bpe({"a a", "aa aa", "aaaa aaaa", "a b", "b a", "ab ab"}));
  const auto spm = Tokenizer::create(small_spm({"aa", "aaaa", "aaaaaaaa", "a", "b", "ab", "abab", "\xE2\x96\x81"}));
  std::string mixed;
  std::mt19937 random(3);
  while (mixed.size() < 300'000) mixed += random() % 2 == 0 ? 'a' : 'b';
  for (const std::string& text : {std::string(300'000, 'a'), mixed}) {
    EXPECT_EQ(bpe->decode(bpe->encode(text, kPlain)), text);
    EXPECT_EQ(spm->decode(spm->encode(text, kPlain)), text);
  }
}

}  // namespace
}  // namespace vivace
