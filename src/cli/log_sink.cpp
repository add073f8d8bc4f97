// The wrapper of spdlog.
#include "cli/log_sink.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <exception>

#include "base/json.h"

namespace vivace {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return spdlog::level::trace;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

std::string text_line(const LogRecord& record) {
  std::string line(record.message);
  for (const LogField& field : record.fields) {
    line += " " + std::string(field.key) + "=";
    const std::string value = log_value_text(field.value);
    const bool quoted = value.empty() || value.find_first_of(" \"=\n\t\r") != std::string::npos;
    line += quoted ? dump_json(Json(value)) : value;
  }
  return line;
}

// The members after time and level, without the braces: the pattern adds those.
std::string json_members(const LogRecord& record) {
  Json object = {{"message", record.message}};
  for (const LogField& field : record.fields) {
    std::visit([&](const auto& value) { object[std::string(field.key)] = value; }, field.value);
  }
  const std::string text = dump_json(object);
  return text.substr(1, text.size() - 2);
}

class StderrLog : public LogSink {
 public:
  explicit StderrLog(bool json) : json_(json), logger_("vivace", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_level(spdlog::level::trace);
    logger_.set_pattern(json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})" : "%H:%M:%S.%e %-7l %v");
  }

  void write(const LogRecord& record) noexcept override {
    try {
      logger_.log(spdlog_level(record.level), spdlog::string_view_t(json_ ? json_members(record) : text_line(record)));
    } catch (const std::exception&) {
      // A log that can't be written must not end what it tells of.
    }
  }

 private:
  bool json_;
  spdlog::logger logger_;
};

}  // namespace

std::unique_ptr<LogSink> make_stderr_log(std::string_view format) {
  return std::make_unique<StderrLog>(format == "json");
}

}  // namespace vivace
