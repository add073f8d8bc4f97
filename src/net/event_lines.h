// Server-sent events as they come from a connection, in pieces of any size.
#pragma once

#include <string>
#include <string_view>

#include "base/function_ref.h"

namespace vivace {

class EventLines {
 public:
  /// Hands the data of each line that became whole to `take`: "data: …" without its beginning. Other lines are left
  /// out.
  void push(std::string_view part, FunctionRef<void(const std::string& data)> take) {
    constexpr std::string_view kData = "data: ";
    held_ += part;
    for (size_t end; (end = held_.find('\n')) != std::string::npos; held_.erase(0, end + 1)) {
      const std::string line = held_.substr(0, end);
      if (line.starts_with(kData)) take(line.substr(kData.size()));
    }
  }

 private:
  std::string held_;
};

}  // namespace vivace
