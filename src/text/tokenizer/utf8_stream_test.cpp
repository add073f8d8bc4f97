// Streaming never shows half a character and loses none.
#include "text/tokenizer/utf8_stream.h"

#include <gtest/gtest.h>

#include <random>

#include "text/tokenizer/unicode.h"

namespace vivace {
namespace {

bool is_valid(const std::string& text) {
  for (size_t at = 0, length; at < text.size(); at += length) {
    length = utf8_length(text, at);
    if (length == 0) return false;
  }
  return true;
}

TEST(Utf8Stream, KeepsTheTailBack) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("a\xF0\x9F"), "a");
  EXPECT_EQ(stream.push("\x98"), "");
  EXPECT_EQ(stream.push("\x80z"), "\xF0\x9F\x98\x80z");
  EXPECT_EQ(stream.flush(), "");
}

TEST(Utf8Stream, ReplacesWhatIsBroken) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("\xFF"
                        "a\xC3("),
            "\xEF\xBF\xBD"
            "a\xEF\xBF\xBD(");
  EXPECT_EQ(stream.push("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
  EXPECT_EQ(stream.push("\xE4\xB8"), "");
  EXPECT_EQ(stream.push("x"), "\xEF\xBF\xBDx");
  EXPECT_EQ(stream.push("\xE4\xB8"), "");
  EXPECT_EQ(stream.flush(), "\xEF\xBF\xBD");
  EXPECT_EQ(stream.flush(), "");
}

TEST(Utf8Stream, AnyCutOfAnyBytesGivesTheSameValidText) {
  std::mt19937 random(2);
  const char kBytes[] = "a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80\xFF\xED\xA0";
  for (int round = 0; round < 5000; ++round) {
    std::string bytes;
    for (size_t i = random() % 20; i > 0; --i) bytes += kBytes[random() % (sizeof(kBytes) - 1)];
    Utf8Stream whole, cut;
    std::string expected = whole.push(bytes);
    expected += whole.flush();
    std::string streamed;
    for (size_t at = 0; at < bytes.size();) {
      const size_t length = 1 + random() % 4;
      const std::string part = cut.push(std::string_view(bytes).substr(at, length));
      EXPECT_TRUE(is_valid(part));
      streamed += part;
      at += length;
    }
    streamed += cut.flush();
    EXPECT_EQ(streamed, expected);
    if (is_valid(bytes)) {
      EXPECT_EQ(streamed, bytes);
    }
  }
}

}  // namespace
}  // namespace vivace
