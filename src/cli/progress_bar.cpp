#include "cli/progress_bar.h"

#include <algorithm>

#include "cli/text_format.h"

namespace vivace {

ProgressBar::ProgressBar(Console& console, std::string label, Unit unit)
    : console_(console), label_(std::move(label)), unit_(unit) {}

ProgressBar::~ProgressBar() {
  if (visible_) console_.err("\r\x1b[K");
}

void ProgressBar::update(size_t done, size_t total) {
  constexpr auto kQuiet = std::chrono::seconds(1);
  constexpr auto kBetween = std::chrono::milliseconds(100);
  const Clock::time_point now = Clock::now();
  if (!console_.err_is_terminal() || now - start_ < kQuiet || (visible_ && now - drawn_ < kBetween)) return;
  const double part = total == 0 ? 1 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto text = [this](size_t count) { return unit_ == Unit::kBytes ? bytes_text(count) : std::to_string(count); };
  const std::string numbers = fixed_text(part * 100, 0) + " %  " + text(done) + " of " + text(total);
  const int room = console_.width() - static_cast<int>(label_.size() + numbers.size()) - 6;
  const auto width = static_cast<size_t>(std::clamp(room, 0, 40));
  const auto filled = static_cast<size_t>(part * static_cast<double>(width));
  console_.err("\r" + label_ + " [" + std::string(filled, '#') + std::string(width - filled, '.') + "] " + numbers +
               "\x1b[K");
  visible_ = true;
  drawn_ = now;
}

}  // namespace vivace
