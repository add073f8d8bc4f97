// Logging without globals: a Logger is handed down by reference, and what it says goes to the sink that main chose.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace vivace {

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError, kOff };

/// Name of a level as the flag --log-level takes it, for example "warn".
const char* log_level_name(LogLevel level);

/// The level of that name ("trace" … "error", "off"), or nothing.
std::optional<LogLevel> parse_log_level(std::string_view name);

/// One key and value of a message. Strings are views: they need to live until the log call returns, no longer.
struct LogField {
  using Value = std::variant<bool, int64_t, double, std::string_view>;

  LogField(std::string_view k, bool v) : key(k), value(v) {}
  LogField(std::string_view k, int v) : key(k), value(static_cast<int64_t>(v)) {}
  LogField(std::string_view k, unsigned v) : key(k), value(static_cast<int64_t>(v)) {}
  LogField(std::string_view k, long v) : key(k), value(static_cast<int64_t>(v)) {}
  LogField(std::string_view k, long long v) : key(k), value(static_cast<int64_t>(v)) {}
  LogField(std::string_view k, unsigned long v) : key(k), value(static_cast<int64_t>(v)) {}
  LogField(std::string_view k, unsigned long long v) : key(k), value(static_cast<int64_t>(v)) {}
  LogField(std::string_view k, double v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}

  std::string_view key;
  Value value;
};

/// The value as text, without quotes: "true", "42", "0.5", the string itself.
std::string log_value_text(const LogField::Value& value);

struct LogRecord {
  LogLevel level;
  std::string_view message;  // one sentence without a newline
  std::initializer_list<LogField> fields;
};

/// Where records go. write() is called from any thread, may be called by several at once, and must not throw.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(const LogRecord& record) noexcept = 0;
};

/// What code logs to: a sink and the lowest level that reaches it. Cheap to copy; a default one says nothing.
class Logger {
 public:
  Logger() = default;
  /// The sink must outlive the logger and its copies.
  Logger(LogSink& sink, LogLevel lowest) : sink_(&sink), lowest_(lowest) {}

  /// False when a message of this level would be dropped, so that its text need not be made.
  bool enabled(LogLevel level) const { return sink_ != nullptr && level >= lowest_ && level < LogLevel::kOff; }

  void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {}) const {
    if (enabled(level)) sink_->write({level, message, fields});
  }
  void trace(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    log(LogLevel::kTrace, message, fields);
  }
  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    log(LogLevel::kDebug, message, fields);
  }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    log(LogLevel::kInfo, message, fields);
  }
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    log(LogLevel::kWarn, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    log(LogLevel::kError, message, fields);
  }

 private:
  LogSink* sink_ = nullptr;  // null: the null sink
  LogLevel lowest_ = LogLevel::kOff;
};

}  // namespace vivace
