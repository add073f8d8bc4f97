// A line on the terminal that shows how far something is. Nothing appears when standard error is no terminal, nor
// for what is done within a second.
#pragma once

#include <chrono>
#include <string>

#include "cli/console.h"

namespace vivace {

class ProgressBar {
 public:
  enum class Unit : uint8_t { kBytes, kCount };
  ProgressBar(Console& console, std::string label, Unit unit = Unit::kBytes);
  /// Removes the line.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(size_t done, size_t total);

 private:
  using Clock = std::chrono::steady_clock;
  Console& console_;
  std::string label_;
  Unit unit_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point drawn_{};
  bool visible_ = false;
};

}  // namespace vivace
