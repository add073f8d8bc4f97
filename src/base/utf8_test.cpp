#include "base/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace vivace {
namespace {

std::string utf8_of(uint32_t code) {
  std::string s;
  if (code < 0x80) {
    s += char(code);
  } else if (code < 0x800) {
    s += char(0xC0 | code >> 6);
    s += char(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    s += char(0xE0 | code >> 12);
    s += char(0x80 | (code >> 6 & 0x3F));
    s += char(0x80 | (code & 0x3F));
  } else {
    s += char(0xF0 | code >> 18);
    s += char(0x80 | (code >> 12 & 0x3F));
    s += char(0x80 | (code >> 6 & 0x3F));
    s += char(0x80 | (code & 0x3F));
  }
  return s;
}

TEST(Utf8, EveryCharacterIsKeptAndEveryBeginningOfItIsATail) {
  for (uint32_t code = 0; code < 0x110000; code += code < 0x3000 ? 1 : 61) {
    if (code >= 0xD800 && code < 0xE000) continue;
    const std::string character = utf8_of(code);
    ASSERT_EQ(replace_invalid_utf8("a" + character + "b"), "a" + character + "b") << code;
    ASSERT_EQ(incomplete_utf8_tail("a" + character), 0u) << code;
    for (size_t n = 1; n < character.size(); ++n) {
      ASSERT_EQ(incomplete_utf8_tail("a" + character.substr(0, n)), n) << code;
      ASSERT_EQ(replace_invalid_utf8(character.substr(0, n) + "b"), "\uFFFDb") << code;
    }
  }
}

TEST(Utf8, BrokenSequencesBecomeReplacementsAsInBrowsers) {
  EXPECT_EQ(replace_invalid_utf8("\x80"), "\uFFFD");
  EXPECT_EQ(replace_invalid_utf8("\xC0\xAF"), "\uFFFD\uFFFD") << "overlong";
  EXPECT_EQ(replace_invalid_utf8("\xE0\x80\x80"), "\uFFFD\uFFFD\uFFFD") << "overlong";
  EXPECT_EQ(replace_invalid_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD") << "surrogate";
  EXPECT_EQ(replace_invalid_utf8("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD") << "beyond U+10FFFF";
  EXPECT_EQ(replace_invalid_utf8("\xF0\x9F\x98"
                                 "A"),
            "\uFFFDA")
      << "one for the maximal part";
  EXPECT_EQ(replace_invalid_utf8("\xFF\xFE"), "\uFFFD\uFFFD");
  EXPECT_EQ(replace_invalid_utf8(std::string_view("a\0b", 3)), std::string("a\0b", 3));
  EXPECT_EQ(replace_invalid_utf8(""), "");
}

TEST(Utf8, WhatCantBecomeACharacterIsNoTail) {
  EXPECT_EQ(incomplete_utf8_tail(""), 0u);
  EXPECT_EQ(incomplete_utf8_tail("\x80"), 0u);
  EXPECT_EQ(incomplete_utf8_tail("\x80\x80\x80"), 0u);
  EXPECT_EQ(incomplete_utf8_tail("\xE0\x80"), 0u) << "overlong already";
  EXPECT_EQ(incomplete_utf8_tail("\xED\xA0"), 0u) << "surrogate already";
  EXPECT_EQ(incomplete_utf8_tail("\xC0"), 0u);
  EXPECT_EQ(incomplete_utf8_tail("\xF5"), 0u);
  EXPECT_EQ(incomplete_utf8_tail("\xF0\x9F\x98"), 3u);
}

}  // namespace
}  // namespace vivace
