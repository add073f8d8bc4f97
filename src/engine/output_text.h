// The text of one answer as it grows: only complete UTF-8 characters leave, and nothing that may turn out to be a stop
// string.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vivace {

class OutputText {
 public:
  explicit OutputText(std::vector<std::string> stop = {});

  /// Adds a token's bytes and returns the text that became certain.
  std::string push(std::string_view bytes);
  /// The stop string that was met, or "". After it push() returns nothing more.
  const std::string& stopped_by() const { return stopped_by_; }
  /// What was held back; a broken character becomes U+FFFD. Nothing after a stop string.
  std::string flush();

 private:
  std::vector<std::string> stop_;
  std::string held_;
  std::string stopped_by_;
};

}  // namespace vivace
