#include "chat/bounded_schema.h"

#include <algorithm>
#include <cstdint>

namespace vivace {
namespace {

constexpr int64_t kLargest = (int64_t(1) << 53) - 1;

bool is_integer(const Json& type) {
  if (!type.is_array()) return type == "integer";
  bool integer = false;
  for (const Json& one : type) {
    if (one == "number") return false;
    integer = integer || one == "integer";
  }
  return integer;
}

double number_or(const Json& schema, const char* name, double otherwise) {
  return schema.contains(name) && schema[name].is_number() ? schema[name].get<double>() : otherwise;
}

/// Nothing is added to what says more about its numbers, nor a bound beyond the one there is.
void bound_integer(Json& schema) {
  if (!schema.contains("type") || !is_integer(schema["type"])) return;
  for (const char* more : {"enum", "const", "multipleOf", "$ref", "allOf", "not"})
    if (schema.contains(more)) return;
  const bool above = schema.contains("minimum") || schema.contains("exclusiveMinimum");
  const bool below = schema.contains("maximum") || schema.contains("exclusiveMaximum");
  const double least = std::max(number_or(schema, "minimum", 0), number_or(schema, "exclusiveMinimum", 0));
  const double most = std::min(number_or(schema, "maximum", 0), number_or(schema, "exclusiveMaximum", 0));
  if (!below && least < double(kLargest)) schema["maximum"] = kLargest;
  if (!above && most > -double(kLargest)) schema["minimum"] = -kLargest;
}

/// Only what is a schema itself: not the values of `const`, `enum`, `default` or `examples`, and not `allOf` and `not`,
/// where a bound would change what the whole means.
void bound_integers(Json& schema) {
  if (!schema.is_object()) return;
  bound_integer(schema);
  for (const char* name : {"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"}) {
    if (!schema.contains(name) || !schema[name].is_object()) continue;
    for (Json& one : schema[name]) bound_integers(one);
  }
  for (const char* name : {"items", "prefixItems", "additionalItems", "additionalProperties", "contains", "anyOf",
                           "oneOf", "then", "else"}) {
    if (!schema.contains(name)) continue;
    if (!schema[name].is_array()) bound_integers(schema[name]);
    if (schema[name].is_array())
      for (Json& one : schema[name]) bound_integers(one);
  }
}

}  // namespace

Json bounded_schema(Json schema) {
  if (!schema.is_object()) return schema;
  bound_integers(schema);
  if (!schema.contains("x-guidance")) schema["x-guidance"] = {{"whitespace_pattern", "[ \\n\\r\\t]{0,16}"}};
  return schema;
}

}  // namespace vivace
