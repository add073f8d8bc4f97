// Option values from users and from JSON: what is read, what is refused, and what the refusal says.
#include "base/option.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"

namespace vivace {
namespace {

std::vector<OptionRow> make_rows() {
  return {
      {.name = "context-length", .type = OptionType::kInt, .default_text = "auto", .min = 1, .max = 1e6, .help = "c"},
      {.name = "temperature", .type = OptionType::kFloat, .default_text = "0.8", .min = 0, .max = 2, .help = "t"},
      {.name = "mmap", .type = OptionType::kBool, .default_text = "true", .help = "m"},
      {.name = "kv-type",
       .type = OptionType::kEnum,
       .default_text = "f16",
       .choices = {"f32", "f16", "q8_0"},
       .help = "k"},
      {.name = "memory", .type = OptionType::kSize, .default_text = "auto", .min = 0, .help = "b"},
      {.name = "system", .type = OptionType::kString, .default_text = "", .help = "s"},
      {.name = "seed", .type = OptionType::kInt, .default_text = "0", .help = "r"},
  };
}

const std::vector<OptionRow>& table() {
  static const std::vector<OptionRow> kTable = make_rows();
  return kTable;
}

const OptionRow& row(const char* name) { return *find_option(table(), name); }

std::string refusal(const OptionRow& option, const OptionValue& value) {
  try {
    check_option(option, value);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument);
    return e.what();
  }
  return "";
}

TEST(Option, NamesAndFields) {
  EXPECT_EQ(find_option(table(), "context_length"), &table()[0]);
  EXPECT_EQ(find_option(table(), "context-length"), &table()[0]);
  EXPECT_EQ(find_option(table(), "unknown"), nullptr);
  EXPECT_EQ(option_field(table()[0]), "context_length");
}

TEST(Option, Integers) {
  EXPECT_EQ(parse_option(row("context-length"), "4096"), OptionValue(int64_t{4096}));
  EXPECT_EQ(parse_option(row("context-length"), "auto"), OptionValue(AutoValue{}));
  EXPECT_EQ(option_default(row("context-length")), OptionValue(AutoValue{}));
  EXPECT_EQ(parse_option(row("seed"), "-9223372036854775808"), OptionValue(int64_t{INT64_MIN}));
  for (const char* text : {"", "0", "1000001", "12x", " 1", "1.5", "99999999999999999999", "Auto"}) {
    EXPECT_THROW(parse_option(row("context-length"), text), Error) << text;
  }
  EXPECT_THROW(parse_option(row("seed"), "auto"), Error);
}

TEST(Option, RefusalsSayWhatIsAllowed) {
  EXPECT_EQ(refusal(row("context-length"), std::string("0")),
            "context-length: '0' is not allowed; it takes an integer from 1 to 1000000, or auto");
  EXPECT_EQ(refusal(row("kv-type"), std::string("f64")),
            "kv-type: 'f64' is not allowed; it takes one of f32, f16, q8_0");
  EXPECT_EQ(refusal(row("temperature"), 2.5), "temperature: '2.5' is not allowed; it takes a number from 0 to 2");
}

TEST(Option, Floats) {
  EXPECT_EQ(parse_option(row("temperature"), "0.25"), OptionValue(0.25));
  EXPECT_EQ(option_default(row("temperature")), OptionValue(0.8));
  for (const char* text : {"nan", "inf", "-0.1", "2.1", "1e", ""}) {
    EXPECT_THROW(parse_option(row("temperature"), text), Error) << text;
  }
}

TEST(Option, Sizes) {
  const OptionRow memory = row("memory");
  EXPECT_EQ(parse_option(memory, "512"), OptionValue(int64_t{512}));
  EXPECT_EQ(parse_option(memory, "512M"), OptionValue(int64_t{512} << 20));
  EXPECT_EQ(parse_option(memory, "4GiB"), OptionValue(int64_t{4} << 30));
  EXPECT_EQ(parse_option(memory, "1.5 gb"), OptionValue(int64_t{3} << 29));
  EXPECT_EQ(parse_option(memory, "9007199254740993"), OptionValue(int64_t{9007199254740993}));
  for (const char* text : {"", "M", "4X", "4GiBs", "-1", "9999999999T", "1e300G", "nan"}) {
    EXPECT_THROW(parse_option(memory, text), Error) << text;
  }
}

TEST(Option, BooleansAndTexts) {
  EXPECT_EQ(parse_option(row("mmap"), "OFF"), OptionValue(false));
  EXPECT_EQ(parse_option(row("mmap"), "1"), OptionValue(true));
  EXPECT_THROW(parse_option(row("mmap"), "maybe"), Error);
  EXPECT_EQ(parse_option(row("system"), "Be brief."), OptionValue(std::string("Be brief.")));
}

TEST(Option, TypedValues) {
  EXPECT_EQ(check_option(row("context-length"), 16.0), OptionValue(int64_t{16}));
  EXPECT_EQ(check_option(row("temperature"), int64_t{1}), OptionValue(1.0));
  EXPECT_EQ(check_option(row("memory"), std::string("1K")), OptionValue(int64_t{1024}));
  EXPECT_NE(refusal(row("context-length"), 16.5), "");
  EXPECT_NE(refusal(row("context-length"), 1e300), "");
  EXPECT_NE(refusal(row("context-length"), std::nan("")), "");
  EXPECT_NE(refusal(row("context-length"), true), "");
  EXPECT_NE(refusal(row("seed"), AutoValue{}), "");
  EXPECT_NE(refusal(row("system"), int64_t{1}), "");
}

TEST(Option, TextReadsBack) {
  for (const OptionRow& option : table()) {
    if (option.default_text.empty()) continue;
    const OptionValue value = option_default(option);
    EXPECT_EQ(parse_option(option, option_text(value)), value) << option.name;
  }
}

}  // namespace
}  // namespace vivace
