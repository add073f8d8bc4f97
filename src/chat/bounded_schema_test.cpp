#include "chat/bounded_schema.h"

#include <gtest/gtest.h>

namespace vivace {
namespace {

constexpr int64_t kLargest = 9007199254740991;

TEST(BoundedSchema, IntegersGetTheBoundsTheyLack) {
  EXPECT_EQ(bounded_schema({{"type", "integer"}})["maximum"], kLargest);
  EXPECT_EQ(bounded_schema({{"type", "integer"}})["minimum"], -kLargest);
  const Json counted = bounded_schema({{"type", "integer"}, {"minimum", 1}});
  EXPECT_EQ(counted["minimum"], 1);
  EXPECT_EQ(counted["maximum"], kLargest);
  const Json below = bounded_schema({{"type", {"integer", "null"}}, {"exclusiveMaximum", 5}});
  EXPECT_FALSE(below.contains("maximum"));
  EXPECT_EQ(below["minimum"], -kLargest);
}

TEST(BoundedSchema, FindsThemWhereverASchemaIs) {
  const Json schema = bounded_schema(parse_json(R"({"type": "object", "properties": {"const": {"type": "integer"}},
      "items": {"anyOf": [{"type": "integer"}]}, "$defs": {"a": {"prefixItems": [{"type": "integer"}]}}})"));
  EXPECT_TRUE(schema["properties"]["const"].contains("maximum"));
  EXPECT_TRUE(schema["items"]["anyOf"][0].contains("maximum"));
  EXPECT_TRUE(schema["$defs"]["a"]["prefixItems"][0].contains("maximum"));
}

TEST(BoundedSchema, LeavesAloneWhatMeansSomethingElse) {
  for (const char* text : {R"({"const": {"type": "integer"}})", R"({"enum": [{"type": "integer"}]})",
                           R"({"type": "integer", "enum": [1, 2]})", R"({"type": "integer", "multipleOf": 3})",
                           R"({"type": ["integer", "number"]})", R"({"allOf": [{"type": "integer"}]})",
                           R"({"type": "integer", "minimum": 1e17, "maximum": 1e18})", R"({"properties": []})"}) {
    Json schema = parse_json(text), bounded = bounded_schema(schema);
    bounded.erase("x-guidance");
    EXPECT_EQ(bounded, schema) << text;
  }
  EXPECT_FALSE(bounded_schema({{"type", "integer"}, {"minimum", 1e17}}).contains("maximum"));
  EXPECT_EQ(bounded_schema(true), Json(true));
}

TEST(BoundedSchema, SpacesAreBoundedWhereTheSchemaSaysNothingOfThem) {
  EXPECT_TRUE(bounded_schema(Json::object())["x-guidance"].contains("whitespace_pattern"));
  const Json own = {{"x-guidance", {{"whitespace_flexible", false}}}};
  EXPECT_EQ(bounded_schema(own), own);
}

}  // namespace
}  // namespace vivace
