#include "bench/speed_runs.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <optional>
#include <span>

#include "base/error.h"

namespace vivace {
namespace {

// The same tokens in every run and on every machine; speed does not depend on which.
std::vector<TokenId> arbitrary_tokens(int32_t count, int32_t vocabulary) {
  std::vector<TokenId> tokens(static_cast<size_t>(count));
  uint32_t state = 12345;
  for (TokenId& token : tokens) {
    state = state * 1664525u + 1013904223u;
    token = static_cast<TokenId>((state >> 8) % static_cast<uint32_t>(vocabulary));
  }
  return tokens;
}

/// Sequences that grow side by side, all by the same tokens.
class Streams {
 public:
  Streams(StepRunner& runner, std::span<const TokenId> tokens, int32_t count, const std::function<void()>& before_step)
      : runner_(runner), tokens_(tokens), before_step_(before_step), tables_(static_cast<size_t>(count)) {}
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;
  ~Streams() {
    for (PageTables& tables : tables_) runner_.release(tables);
  }

  /// Fills positions [0, end) of every stream, one stream after the other.
  void fill(int32_t end) {
    for (PageTables& tables : tables_) feed({&tables, 1}, 0, end, runner_.limits().tokens);
  }

  /// Positions [begin, end) of all streams at once, at most `step` tokens of each in a step.
  void advance(int32_t begin, int32_t end, int32_t step) { feed(tables_, begin, end, step); }

 private:
  void feed(std::span<PageTables> streams, int32_t begin, int32_t end, int32_t step) {
    std::vector<StepSequence> sequences(streams.size());
    for (int32_t at = begin; at < end; at += step) {
      if (before_step_) before_step_();
      const int32_t size = std::min(step, end - at);
      const bool wanted = step == 1 || at + size == end;  // as an answer needs them
      for (size_t s = 0; s < streams.size(); ++s) {
        if (!runner_.grow(streams[s], at, at + size))
          throw Error(ErrorCode::kInternal, "the KV pool is smaller than the plan");
        sequences[s] = {tokens_.subspan(size_t(at), size_t(size)), at, &streams[s], wanted ? 1 : 0};
      }
      runner_.run(sequences);
    }
  }

  StepRunner& runner_;
  std::span<const TokenId> tokens_;
  const std::function<void()>& before_step_;
  std::vector<PageTables> tables_;
};

bool has_window(const ModelCard& card) {
  return std::any_of(card.layers.begin(), card.layers.end(), [](const LayerCard& layer) { return layer.window > 0; });
}

Rates rates_of(double tokens, std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const size_t half = seconds.size() / 2;
  const double middle = seconds.size() % 2 == 1 ? seconds[half] : (seconds[half - 1] + seconds[half]) / 2;
  const double sum = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  return {tokens / middle, tokens * double(seconds.size()) / sum, tokens / seconds.back(), tokens / seconds.front()};
}

/// Seconds that the streams take from depth on.
double timed_advance(Streams& streams, const SpeedRun& run) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  streams.advance(run.depth, run.depth + run.tokens, run.step);
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

double time_run(StepRunner& runner, const ModelCard& card, const SpeedRun& run,
                const std::function<void()>& before_step) {
  const std::vector<TokenId> tokens = arbitrary_tokens(run.depth + run.tokens, card.vocabulary);
  Streams streams(runner, tokens, run.streams, before_step);
  streams.fill(run.depth);
  return timed_advance(streams, run);
}

Rates measure_speed(StepRunner& runner, const ModelCard& card, const SpeedRun& run, int64_t repeat,
                    const std::function<void()>& before_step) {
  if (run.tokens == 0) return {};
  const int32_t end = run.depth + run.tokens;
  const std::vector<TokenId> tokens = arbitrary_tokens(end, card.vocabulary);
  std::optional<Streams> streams;
  std::vector<double> seconds;
  for (int64_t i = 0; i <= repeat; ++i) {
    // A run begins again at `depth` over the pages of the last; windows have let go of theirs and are filled anew.
    if (!streams || has_window(card)) {
      streams.reset();
      streams.emplace(runner, tokens, run.streams, before_step);
      streams->fill(run.depth);
    }
    const double time = timed_advance(*streams, run);
    if (i > 0) seconds.push_back(time);
  }
  return rates_of(double(run.tokens) * run.streams, seconds);
}

}  // namespace vivace
