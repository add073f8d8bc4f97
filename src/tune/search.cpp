#include "tune/search.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace vivace {
namespace {

constexpr int32_t kLeastRounds = 4;
constexpr int32_t kLeastPairs = 3;
constexpr double kDoubt = 2.6;    // standard errors of a difference that are beyond doubt, many being looked at
constexpr size_t kAllAtOnce = 6;  // values that are raced without looking at a few first

struct Stopped {};

class Search {
 public:
  Search(std::span<const Lever> levers, const std::function<double(const Choice&)>& speed, const SearchOptions& options)
      : levers_(levers), speed_(speed), options_(options) {}

  SearchResult run() {
    for (const Lever& lever : levers_) {
      result_.choice.push_back(lever.start);
      result_.levers.push_back({lever.start, 1, 0});
    }
    const Choice start = result_.choice;
    try {
      for (lever_ = 0; lever_ < int32_t(levers_.size()); ++lever_) set_lever();
    } catch (const Stopped&) {
      result_.complete = false;
    }
    lever_ = int32_t(levers_.size());
    if (result_.choice != start) compare(start);
    return result_;
  }

 private:
  bool is_late() const { return options_.go_on && !options_.go_on(); }

  double measure(const Choice& choice) {
    if (options_.progress) options_.progress(lever_);
    return std::log(std::max(speed_(choice), 1e-300));
  }

  double measure_value(int32_t value) {
    if (is_late()) throw Stopped();
    Choice choice = result_.choice;
    choice[size_t(lever_)] = value;
    ++result_.levers[size_t(lever_)].measurements;
    return measure(choice);
  }

  const Lever& lever() const { return levers_[size_t(lever_)]; }

  void set_lever() {
    const int32_t count = int32_t(lever().values.size());
    if (count < 2) return;
    std::vector<int32_t> values(static_cast<size_t>(count));
    std::iota(values.begin(), values.end(), 0);
    if (!lever().is_number || values.size() <= kAllAtOnce) return race(values);
    // A few over the whole range, then ever closer around the best one.
    int32_t step = 1;
    while (count / step > int32_t(kAllAtOnce)) step *= 2;
    for (values.clear(); step >= 1; step /= 2) {
      const int32_t centre = result_.choice[size_t(lever_)];
      if (values.empty()) {
        for (int32_t value = 0; value < count; value += step) values.push_back(value);
        values.push_back(count - 1);
      } else {
        values = {centre - step, centre, centre + step};
      }
      values.push_back(lever().start);
      std::sort(values.begin(), values.end());
      values.erase(std::unique(values.begin(), values.end()), values.end());
      std::erase_if(values, [&](int32_t value) { return value < 0 || value >= count; });
      race(values);
    }
  }

  /// What a race knows of a value: logarithms of speeds, one for each round.
  struct Runner {
    int32_t value;
    std::vector<double> logs;
  };

  /// Sets the lever to the fastest of these values.
  void race(const std::vector<int32_t>& values) {
    std::vector<Runner> alive;
    for (int32_t value : values) alive.push_back({value, {}});
    for (int32_t round = 0; round < options_.most_rounds && alive.size() > 1; ++round) {
      for (Runner& runner : alive) runner.logs.push_back(measure_value(runner.value));
      std::reverse(alive.begin(), alive.end());
      if (round + 1 < kLeastRounds) continue;
      if (drop_slower(alive) || (options_.race_on && !options_.race_on(lever_))) break;
    }
    decide(alive);
  }

  /// Drops values that are slower beyond doubt. True where all that are left are as good.
  bool drop_slower(std::vector<Runner>& alive) const {
    const double error = error_of_difference(alive);
    double best = -1e300, worst = 1e300;
    for (const Runner& runner : alive) best = std::max(best, mean(runner));
    std::erase_if(alive, [&](const Runner& runner) { return best - mean(runner) > kDoubt * error + 1e-9; });
    for (const Runner& runner : alive) worst = std::min(worst, mean(runner));
    return kDoubt * error < options_.worth || (alive.size() > 1 && best - worst + error < options_.worth);
  }

  static double mean(const Runner& runner) {
    return std::accumulate(runner.logs.begin(), runner.logs.end(), 0.0) / double(runner.logs.size());
  }

  /// Standard error of the difference of two means: what is common to a round is no noise.
  static double error_of_difference(const std::vector<Runner>& alive) {
    const size_t rounds = alive[0].logs.size(), count = alive.size();
    double squares = 0;
    for (size_t r = 0; r < rounds; ++r) {
      double round_mean = 0;
      for (const Runner& runner : alive) round_mean += (runner.logs[r] - mean(runner)) / double(count);
      for (const Runner& runner : alive) {
        const double rest = runner.logs[r] - mean(runner) - round_mean;
        squares += rest * rest;
      }
    }
    const double freedom = double(count - 1) * double(rounds - 1);
    return std::sqrt(2 * squares / freedom / double(rounds));
  }

  void decide(const std::vector<Runner>& alive) {
    const int32_t before = result_.choice[size_t(lever_)];
    const Runner* best = &alive[0];
    const Runner* stays = nullptr;
    for (const Runner& runner : alive) {
      if (mean(runner) > mean(*best)) best = &runner;
      if (runner.value == before) stays = &runner;
    }
    LeverResult& result = result_.levers[size_t(lever_)];
    // What is as good does not change.
    if (stays != nullptr && mean(*best) - mean(*stays) < options_.worth / 2) best = stays;
    if (stays != nullptr) result.gain *= std::exp(mean(*best) - mean(*stays));
    if (stays == nullptr) result.gain = gain_over_start(best->value);
    result.value = result_.choice[size_t(lever_)] = best->value;
  }

  /// Where the value that stood before left the race early.
  double gain_over_start(int32_t value) {
    double sum = 0;
    constexpr int32_t kPairs = 3;
    for (int32_t i = 0; i < kPairs; ++i) sum += measure_value(value) - measure_value(lever().start);
    return std::exp(sum / kPairs);
  }

  /// Pairs A, B, B, A of the choice and the start; the start stays where the choice is not faster.
  void compare(const Choice& start) {
    std::vector<double> ratios;
    for (int32_t i = 0; i < options_.check_rounds; ++i) {
      if (i >= kLeastPairs && is_late()) break;
      const bool first = i % 2 == 0;
      const double a = measure(first ? result_.choice : start);
      const double b = measure(first ? start : result_.choice);
      ratios.push_back(first ? a - b : b - a);
    }
    std::sort(ratios.begin(), ratios.end());
    const size_t n = ratios.size();
    // The order statistics that hold the median nine times of ten (binomial, normal approximation).
    const size_t off = size_t(std::max(0.0, std::floor(double(n) / 2 - 0.82 * std::sqrt(double(n)))));
    result_.gain = std::exp(ratios[n / 2]);
    result_.gain_low = std::exp(ratios[std::min(off, n - 1)]);
    result_.gain_high = std::exp(ratios[n - 1 - std::min(off, n - 1)]);
    if (result_.gain >= 1) return;
    result_.choice = start;
    result_.gain = result_.gain_low = result_.gain_high = 1;
  }

  std::span<const Lever> levers_;
  const std::function<double(const Choice&)>& speed_;
  const SearchOptions& options_;
  SearchResult result_;
  int32_t lever_ = 0;
};

}  // namespace

SearchResult search_fastest(std::span<const Lever> levers, const std::function<double(const Choice&)>& speed,
                            const SearchOptions& options) {
  return Search(levers, speed, options).run();
}

}  // namespace vivace
