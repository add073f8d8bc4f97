// JSON from strangers: depth, position of errors, broken UTF-8.
#include "base/json.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace vivace {
namespace {

std::string error_of(std::string_view text, int depth = kMaxJsonDepth) {
  try {
    parse_json(text, depth);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument);
    return e.what();
  }
  return "";
}

TEST(Json, KeepsTheOrderOfKeys) {
  const Json value = parse_json(R"({"zebra":1,"apple":{"y":[1,2.5,null,true]},"m":"é"})");
  EXPECT_EQ(dump_json(value), R"({"zebra":1,"apple":{"y":[1,2.5,null,true]},"m":"é"})");
}

TEST(Json, ErrorsNameLineAndColumn) {
  EXPECT_NE(error_of("{\"a\": 1,\n  \"b\": x}").find("line 2, column 8"), std::string::npos);
  EXPECT_NE(error_of("").find("line 1, column 1"), std::string::npos);
  EXPECT_NE(error_of("[1, 2").find("line 1, column"), std::string::npos);
  EXPECT_NE(error_of("[1e999]"), "");
  EXPECT_NE(error_of("1 2"), "");
  EXPECT_NE(error_of("\"\xff\""), "");
}

TEST(Json, DepthIsLimitedWithoutRecursion) {
  EXPECT_EQ(error_of("[[[1]]]", 3), "");
  EXPECT_NE(error_of("[[[1]]]", 2).find("deeper than 2 levels at line 1, column 3"), std::string::npos);
  EXPECT_NE(error_of(std::string(10'000'000, '[')).find("nested deeper"), std::string::npos);
  EXPECT_EQ(error_of(R"(["[[[[[[", "\"[[[[[["])", 1), "") << "brackets in strings do not nest";
  std::string siblings = "[";
  for (int i = 0; i < 1000; ++i) siblings += "[],";
  EXPECT_EQ(error_of(siblings + "[]]", 2), "");
}

TEST(Json, MembersOfAnObjectAreLimited) {
  std::string text = "{";
  for (int i = 0; i < kMaxJsonMembers; ++i) text += "\"" + std::to_string(i) + "\":0,";
  EXPECT_NE(error_of(text + "\"x\":0}").find("members"), std::string::npos);
}

TEST(Json, BrokenUtf8IsReplacedOnTheWayOut) {
  EXPECT_EQ(dump_json(Json("a\xff"
                           "b\xe2\x82")),
            "\"a\xef\xbf\xbd"
            "b\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace vivace
