#include "tune/tune_model.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "advise/goals.h"
#include "advise/levers.h"
#include "advise/plan_json.h"
#include "advise/predict_run.h"
#include "base/error.h"

namespace vivace {
namespace {

using Clock = std::chrono::steady_clock;

/// What a lever changes, and so what is measured.
enum class Part : uint8_t { kDecode, kPrefill, kAll };

struct TuneLever {
  Lever lever;
  Part part;
};

std::vector<std::string> sorted_texts(std::vector<int32_t> numbers) {
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  std::vector<std::string> texts;
  for (const int32_t number : numbers) texts.push_back(std::to_string(number));
  return texts;
}

/// 1, 2, 3, 4, 6, 8, 12, ...: numbers up to `most`, with `also` among them.
std::vector<std::string> thread_counts(int32_t most, int32_t also) {
  std::vector<int32_t> counts;
  for (int32_t n = 1; n <= most; n += std::max(1, n / 8)) counts.push_back(n);
  counts.push_back(most);
  counts.push_back(also);
  return sorted_texts(std::move(counts));
}

int32_t index_of(const std::vector<std::string>& values, const std::string& value) {
  return int32_t(std::find(values.begin(), values.end(), value) - values.begin());
}

/// The work as far as the context holds it.
Workload fitted(Workload work, int32_t context_length) {
  work.generate = std::max(1, std::min(work.generate, context_length / 4));
  work.prompt = std::max(1, std::min(work.prompt, context_length - work.generate));
  return work;
}

class Tuning {
 public:
  Tuning(ModelSource& source, const TuneOptions& options)
      : source_(source),
        options_(options),
        work_(fitted(workload_of(options.goal), source.plan().context_length)),
        fixed_(source.wishes()) {
    add_gpu_layers();
    add_threads("threads", fixed_.threads, source.plan().threads, Part::kDecode);
    add_threads("threads-prefill", fixed_.threads_prefill, source.plan().threads_prefill, Part::kPrefill);
    add_batch();
    add_kv();
  }

  TunedProfile run() {
    SearchOptions search;
    search.go_on = [this] { return seconds() < options_.seconds; };
    search.race_on = [this](int32_t lever) { return seconds() < deadline_of(lever); };
    search.progress = [this](int32_t lever) { begin(lever); };
    search.most_rounds = 24;
    std::vector<Lever> levers;
    for (const TuneLever& lever : levers_) levers.push_back(lever.lever);
    const SearchResult result = search_fastest(
        levers, [this](const Choice& choice) { return measure(choice); }, search);
    source_.change(wishes_of(result.choice));
    return profile_of(result);
  }

 private:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  /// When a lever has had its share of what was left as it began; the check at the end has one, too.
  double deadline_of(int32_t lever) const {
    return lever_begin_ + (options_.seconds - lever_begin_) / double(levers_.size() + 1 - size_t(lever));
  }

  void begin(int32_t lever) {
    if (lever_ != size_t(lever)) lever_begin_ = seconds();
    lever_ = size_t(lever);
    report();
  }

  void report() const {
    if (options_.progress && !options_.progress(seconds())) {
      throw Error(ErrorCode::kCancelled, "tuning was interrupted");
    }
  }

  void add(const char* name, std::vector<std::string> values, const std::string& now, bool number, Part part) {
    const int32_t start = index_of(values, now);
    levers_.push_back({{name, std::move(values), start, number}, part});
  }

  /// None, what fits, and half of that, as far as the host has room for the other layers. Each change of it loads the
  /// weights again.
  void add_gpu_layers() {
    if (source_.devices().size() < 2 || fixed_.gpu_layers || !fixed_.layer_split.empty()) return;
    Wishes all = fixed_;
    all.tuned_gpu_layers = int32_t(source_.card().layers.size());
    const int32_t most =
        gpu_layers_of(make_plan(source_.card(), source_.devices(), options_.host, all), source_.devices());
    const int32_t now = gpu_layers_of(source_.plan(), source_.devices());
    std::vector<int32_t> counts = {now};
    for (const int32_t count : {0, most / 2, most}) {
      if (can_have([count](Wishes& wishes) { wishes.tuned_gpu_layers = count; })) counts.push_back(count);
    }
    add("gpu-layers", sorted_texts(std::move(counts)), std::to_string(now), true, Part::kAll);
  }

  void add_threads(const char* name, const std::optional<int32_t>& fixed, int32_t now, Part part) {
    if (fixed) return;
    add(name, thread_counts(source_.most_threads(), now), std::to_string(now), true, part);
  }

  void add_batch() {
    if (fixed_.batch_size) return;
    const int32_t now = source_.plan().limits.tokens, least = source_.plan().parallel;
    std::vector<int32_t> sizes = {now};
    for (int32_t size : {64, 128, 256, 512, 1024, 2048}) {
      if (size >= least && size <= std::max(now, work_.prompt)) sizes.push_back(size);
    }
    add("batch-size", sorted_texts(std::move(sizes)), std::to_string(now), true, Part::kPrefill);
  }

  void add_kv() {
    if (fixed_.kv_format) return;
    const std::string now = kv_type_name(source_.plan().kv_format);
    std::vector<std::string> types = {now};
    for (const char* type : {"f16", "q8_0"}) {  // q4_0 costs quality: it is the user's to choose
      // Head widths that are no whole blocks have no quantised cache.
      const auto wish = [&](Wishes& wishes) { wishes.kv_format = kv_format_named(type); };
      if (type != now && can_have(wish)) types.push_back(type);
    }
    add("kv-type", types, now, false, Part::kAll);
  }

  /// Whether there is a plan for the source's wishes with this one.
  template <class Wish>
  bool can_have(const Wish& wish) const {
    Wishes wishes = fixed_;
    wish(wishes);
    try {
      make_plan(source_.card(), source_.devices(), options_.host, wishes);
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  Wishes wishes_of(const Choice& choice) const {
    Wishes wishes = fixed_;
    for (size_t i = 0; i < levers_.size(); ++i) {
      const Lever& lever = levers_[i].lever;
      set_open_lever(lever.name, lever.values[size_t(choice[i])], wishes);
    }
    return wishes;
  }

  /// A prompt as long as the lever needs it.
  SpeedRun prefill_run() const {
    int32_t tokens = work_.prompt;
    if (lever_ < levers_.size() && levers_[lever_].part == Part::kPrefill) {
      tokens = std::min(tokens, levers_[lever_].lever.name == "batch-size" ? 2048 : 512);
    }
    return {tokens, 0, 1, source_.runner().limits().tokens};
  }

  /// A piece of the answer behind a prompt, short where filling up to there takes long and depth does not matter.
  SpeedRun decode_run(Part part) const {
    return {std::min(kDecodeTokens, work_.generate), part == Part::kAll ? work_.prompt : std::min(128, work_.prompt),
            work_.streams, 1};
  }

  /// Work per second of the part that the lever changes.
  double measure(const Choice& choice) {
    source_.change(wishes_of(choice));
    const Part part = lever_ < levers_.size() ? levers_[lever_].part : Part::kAll;
    double time = 0;
    if (part != Part::kDecode) time += timed(prefill_run()) * work_.streams;
    if (part != Part::kPrefill) {
      const SpeedRun run = decode_run(part);
      time += timed(run) * work_.generate / run.tokens;
    }
    return 1 / time;
  }

  double timed(const SpeedRun& run) {
    return time_run(source_.runner(), source_.card(), run, [this] { report(); });
  }

  /// Speed of one choice over another's by the cost model; nothing where the devices' speeds are not known.
  std::optional<double> expected_gain(const Choice& choice, const Choice& before, Part part) const {
    const auto time = [&](const Choice& which) {
      const Plan plan = make_plan(source_.card(), source_.devices(), options_.host, wishes_of(which));
      const SpeedRun decode = decode_run(part);
      const PredictedRates rates = predict_rates(source_.card(), plan, source_.devices(), options_.host,
                                                 {work_.prompt, 0, 1}, {decode.tokens, decode.depth, decode.streams});
      if (rates.prefill <= 0 || rates.decode <= 0) return 0.0;
      double sum = 0;
      if (part != Part::kDecode) sum += work_.streams * work_.prompt / rates.prefill;
      if (part != Part::kPrefill) sum += work_.streams * work_.generate / rates.decode;
      return sum;
    };
    const double now = time(choice), then = time(before);
    if (now <= 0 || then <= 0) return std::nullopt;
    return then / now;
  }

  TunedProfile profile_of(const SearchResult& result) const {
    TunedProfile profile;
    profile.goal = options_.goal;
    profile.gain = result.gain, profile.gain_low = result.gain_low, profile.gain_high = result.gain_high;
    profile.seconds = seconds();
    profile.complete = result.complete;
    Choice start;
    for (const TuneLever& lever : levers_) start.push_back(lever.lever.start);
    for (size_t i = 0; i < levers_.size(); ++i) {
      const Lever& lever = levers_[i].lever;
      Choice alone = start;
      alone[i] = result.choice[i];
      const bool changed = result.choice[i] != lever.start;
      profile.levers.push_back({lever.name, lever.values[size_t(lever.start)], lever.values[size_t(result.choice[i])],
                                changed ? result.levers[i].gain : 1.0,
                                changed ? expected_gain(alone, start, levers_[i].part) : std::nullopt,
                                result.levers[i].measurements});
    }
    return profile;
  }

  static constexpr int32_t kDecodeTokens = 16;

  ModelSource& source_;
  const TuneOptions& options_;
  Workload work_;
  Wishes fixed_;
  std::vector<TuneLever> levers_;
  size_t lever_ = 0;
  double lever_begin_ = 0;
  Clock::time_point start_ = Clock::now();
};

}  // namespace

TunedProfile tune_model(ModelSource& source, const TuneOptions& options) { return Tuning(source, options).run(); }

}  // namespace vivace
