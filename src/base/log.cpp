// Names of log levels and the text of field values.
#include "base/log.h"

#include <charconv>

namespace vivace {
namespace {

constexpr LogLevel kLevels[] = {LogLevel::kTrace, LogLevel::kDebug, LogLevel::kInfo,
                                LogLevel::kWarn,  LogLevel::kError, LogLevel::kOff};

}  // namespace

const char* log_level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return "trace";
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
    case LogLevel::kOff:
      return "off";
  }
  return "off";
}

std::optional<LogLevel> parse_log_level(std::string_view name) {
  for (LogLevel level : kLevels) {
    if (name == log_level_name(level)) return level;
  }
  return std::nullopt;
}

std::string log_value_text(const LogField::Value& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const int64_t* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  if (const double* number = std::get_if<double>(&value)) {
    char text[32];
    const auto result = std::to_chars(text, text + sizeof text, *number);  // shortest text that reads back the same
    return std::string(text, result.ptr);
  }
  return std::string(std::get<std::string_view>(value));
}

}  // namespace vivace
