// Whether the machine is short of memory, by the time that programs wait for it. Pure: times are told, not read.
#pragma once

namespace vivace {

class PressureWatch {
 public:
  /// Whether it is time to look again; `now` in seconds of a steady clock.
  bool due(double now) const { return now - looked_ >= kEvery; }

  /// `stalled`: seconds waited so far (memory_stall_seconds).
  void look(double now, double stalled) {
    const double share = looked_ < 0 ? 0 : (stalled - stalled_) / (now - looked_);
    looked_ = now;
    stalled_ = stalled;
    strained_ = share >= (strained_ ? kRelieved : kStrained);
  }

  bool strained() const { return strained_; }

 private:
  static constexpr double kEvery = 1;        // seconds
  static constexpr double kStrained = 0.1;   // share of the time
  static constexpr double kRelieved = 0.02;  // below that it is over

  double looked_ = -kEvery, stalled_ = 0;
  bool strained_ = false;
};

}  // namespace vivace
