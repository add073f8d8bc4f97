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
    const double tokens = std::min(seconds_ / token_seconds_, double(most));
    const int32_t whole = int32_t(tokens) / kStep * kStep;
    return std::clamp(whole, std::min(kLeast, most), most);
  }

  /// What a turn took that read so many prompt tokens.
  void took(int32_t prompt_tokens, double seconds) {
    if (prompt_tokens < kLeast / 2 || seconds <= 0) return;  // mostly the answers' time
    const double now = seconds / prompt_tokens;
    token_seconds_ = token_seconds_ <= 0 ? now : 0.5 * (token_seconds_ + now);
  }

 private:
  static constexpr int32_t kFirst = 64;
  static constexpr int32_t kStep = 16;   // what kernels take at once
  static constexpr int32_t kLeast = 32;  // fewer would cost nearly as much

  double seconds_;
  double token_seconds_ = 0;  // 0: not known yet
};

}  // namespace vivace
