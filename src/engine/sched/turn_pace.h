// How much of the prompts a turn may read while answers are generated: what keeps to a time, by the speed of the turns
// before. Pure: times are told, not read.
#pragma once

#include <algorithm>
#include <cstdint>

namespace vivace {

class TurnPace {
 public:
  /// `seconds`: what a turn should take at most; 0: any time.
  explicit TurnPace(double seconds) : seconds_(seconds) {}

  /// Prompt tokens for a turn that also generates, of at most `most`. Never 0: prompts go on in any case.
  int32_t prompt_tokens(int32_t most) const {
    if (seconds_ <= 0) return most;
    if (token_seconds_ <= 0) return std::min(most, kFirst);
    const double tokens = std::clamp((seconds_ - answers_seconds_) / token_seconds_, 0.0, double(most));
    const int32_t whole = int32_t(tokens) / kStep * kStep;
    return std::clamp(whole, std::min(kLeast, most), most);
  }

  /// What a turn took that read so many prompt tokens. Reading the weights takes its time however many tokens there
  /// are; turns that only generate tell how long.
  void took(int32_t prompt_tokens, double seconds) {
    if (seconds <= 0) return;
    if (prompt_tokens == 0) answers_seconds_ = mean(answers_seconds_, seconds);
    if (prompt_tokens < kLeast / 2) return;  // mostly the answers' time
    const double reading = std::max(seconds - answers_seconds_, seconds / 2);
    token_seconds_ = mean(token_seconds_, reading / prompt_tokens);
  }

 private:
  static double mean(double before, double now) { return before <= 0 ? now : 0.5 * (before + now); }

  static constexpr int32_t kFirst = 64;
  static constexpr int32_t kStep = 16;   // what kernels take at once
  static constexpr int32_t kLeast = 32;  // fewer would cost nearly as much

  double seconds_;
  double token_seconds_ = 0;    // 0: not known yet
  double answers_seconds_ = 0;  // of a turn that only generates; 0: not known yet
};

}  // namespace vivace
