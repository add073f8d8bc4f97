// What reaches a sink, and how values read.
#include "base/log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vivace {
namespace {

class Recorder : public LogSink {
 public:
  void write(const LogRecord& record) noexcept override {
    std::string line = std::string(log_level_name(record.level)) + " " + std::string(record.message);
    for (const LogField& field : record.fields)
      line += " " + std::string(field.key) + "=" + log_value_text(field.value);
    lines.push_back(line);
  }
  std::vector<std::string> lines;
};

TEST(Log, LevelsFilterAndFieldsArrive) {
  Recorder sink;
  const Logger log(sink, LogLevel::kInfo);
  log.debug("dropped");
  log.info("loaded",
           {{"model", std::string("tiny")}, {"bytes", size_t{4096}}, {"ratio", 0.25}, {"mmap", true}, {"n", -1}});
  log.error("broken", {{"why", "a reason"}});
  ASSERT_EQ(sink.lines.size(), 2u);
  EXPECT_EQ(sink.lines[0], "info loaded model=tiny bytes=4096 ratio=0.25 mmap=true n=-1");
  EXPECT_EQ(sink.lines[1], "error broken why=a reason");
}

TEST(Log, DefaultLoggerSaysNothing) {
  const Logger log;
  EXPECT_FALSE(log.enabled(LogLevel::kError));
  log.error("nobody hears this");
}

TEST(Log, OffIsNotALevelToWriteAt) {
  Recorder sink;
  EXPECT_FALSE(Logger(sink, LogLevel::kOff).enabled(LogLevel::kError));
  EXPECT_FALSE(Logger(sink, LogLevel::kTrace).enabled(LogLevel::kOff));
}

TEST(Log, LevelNamesReadBack) {
  for (const char* name : {"trace", "debug", "info", "warn", "error", "off"}) {
    ASSERT_TRUE(parse_log_level(name).has_value()) << name;
    EXPECT_STREQ(log_level_name(*parse_log_level(name)), name);
  }
  EXPECT_FALSE(parse_log_level("loud").has_value());
}

}  // namespace
}  // namespace vivace
