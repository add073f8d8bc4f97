#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/number_text.h"
#include "plan/cost/predict.h"
#include "plan/passes/passes.h"
#include "plan/passes/share_out.h"

namespace vivace {
namespace {

bool is_gpu(const Device& device) { return device.info().kind != DeviceKind::kCpu; }

/// A placement that one might choose.
struct Candidate {
  int32_t layers = 0;  // on GPUs: the last ones
  bool embedding_on_gpu = false;
  bool output_on_gpu = false;
  int32_t cpu_ffn = 0;  // of these layers, the first ones: feed-forward on the CPU
};

class Placer {
 public:
  explicit Placer(PlanState& state) : state_(state), layers_(int32_t(state.card.layers.size())) {
    for (size_t d = 0; d < state.devices.size(); ++d) {
      if (is_gpu(*state.devices[d])) gpus_.push_back(int32_t(d));
    }
    host_ = gpus_.size() < state.devices.size();
  }

  void run() {
    const std::optional<LayerCount>& wish = state_.wishes.gpu_layers;
    if (gpus_.empty()) return without_gpus(wish);
    provisional_context(state_);
    if (!host_) return on_gpus_alone();
    const int32_t most = std::min(layers_, state_.wishes.most_gpu_layers);
    const std::optional<int32_t>& tuned = state_.wishes.tuned_gpu_layers;
    const int32_t wanted = std::min(wish ? wish->of(layers_) : tuned.value_or(automatic_layers()), most);
    if (wish) {
      choose_ends(wanted);
    } else if (tuned || !choose_fastest(most)) {
      int32_t count = wanted;
      while (count > 0 && !choose_ends(count)) --count;
      if (count == 0) place({});
    }
    explain(wish.has_value());
  }

 private:
  void on_gpus_alone() {
    if (asked_cpu_ffn(layers_) > 0) {
      throw Error(ErrorCode::kUnsupported, "--cpu-ffn keeps layers' feed-forward on the CPU, which is not in use here");
    }
    place({layers_, true, true});
  }

  void without_gpus(const std::optional<LayerCount>& wish) {
    if (wish && wish->of(layers_) > 0) {
      throw Error(ErrorCode::kUnsupported, "--gpu-layers asks for a GPU, and there is none that this program can use",
                  "vivace hardware lists the devices; --device takes one that is not used by itself");
    }
    state_.plan.placement.layers.assign(size_t(layers_), 0);
    state_.plan.reasons.push_back("placement: all " + std::to_string(layers_) + " layers on " +
                                  state_.devices[0]->info().id);
  }

  /// All, where a GPU has memory and speed of its own or was named by the user; what shares the host's memory reads
  /// weights no faster than the CPU.
  int32_t automatic_layers() const {
    const bool worth_it = std::any_of(gpus_.begin(), gpus_.end(), [&](int32_t gpu) {
      const DeviceKind kind = state_.devices[size_t(gpu)]->info().kind;
      return kind == DeviceKind::kDiscreteGpu || state_.wishes.devices_named;
    });
    return worth_it ? layers_ : 0;
  }

  /// Where the devices' speeds are known: of all placements that fit, the one that decodes fastest, half way into the
  /// context; of equals the one with most layers on GPUs. False: nothing is known, or nothing fits.
  bool choose_fastest(int32_t most) {
    const std::vector<DeviceSpeed> speeds = speeds_of(state_.host, state_.devices, state_.plan.threads);
    if (speeds.empty()) return false;
    double best = 0;
    std::optional<Placement> fastest;
    const auto consider = [&] {
      if (overfull_device(state_.plan) >= 0) return;
      const double rate = predict_decode_rate({state_.card, state_.plan.placement, state_.plan.kv_format, speeds}, 1,
                                              state_.plan.context_length / 2);
      if (fastest && rate <= best) return;
      best = rate;
      fastest = state_.plan.placement;
    };
    std::array<int32_t, 3> least{most, most, most};  // by the ends on GPUs: see place_least_ffn()
    const bool open = !state_.wishes.cpu_ffn.has_value();
    for (int32_t count = most; count >= 0; --count) {
      if (!try_place({count, false, false, open ? count : asked_cpu_ffn(count)})) continue;  // the smallest
      for (Candidate& candidate : ends_with(count)) {
        if (try_place(candidate)) {
          consider();
        } else if (open && count > 0 &&
                   place_least_ffn(candidate, least[size_t(candidate.embedding_on_gpu + candidate.output_on_gpu)])) {
          consider();
          candidate.cpu_ffn = count;
          if (try_place(candidate)) consider();
        }
      }
    }
    if (!fastest) return false;
    state_.plan.placement = *fastest;
    by_speed_ = true;
    return true;
  }

  /// Places the candidate with as few feed-forward parts on the CPU as let it fit. `bound`: enough of them, and
  /// afterwards what was found: one layer less on the GPUs never needs more. False: it does not fit even so.
  bool place_least_ffn(Candidate& candidate, int32_t& bound) {
    candidate.cpu_ffn = std::min(bound, candidate.layers);
    if (!try_place(candidate)) return false;
    do {
      --candidate.cpu_ffn;
    } while (candidate.cpu_ffn > 0 && try_place(candidate));
    bound = ++candidate.cpu_ffn;
    return try_place(candidate);
  }

  /// So many layers on GPUs, with embedding and output beside them or without: the best first.
  std::vector<Candidate> ends_with(int32_t layers) const {
    const int32_t kept = asked_cpu_ffn(layers);
    std::vector<Candidate> candidates;
    if (layers == layers_ && gpus_.size() == 1) candidates.push_back({layers, true, true, kept});
    if (layers > 0) candidates.push_back({layers, false, true, kept});
    candidates.push_back({layers, false, false, kept});
    return candidates;
  }

  /// Of so many layers on GPUs.
  int32_t asked_cpu_ffn(int32_t layers) const { return state_.wishes.cpu_ffn ? state_.wishes.cpu_ffn->of(layers) : 0; }

  /// Places that many layers; embedding and output with them where that fits. False: it does not fit either way, and
  /// the smallest placement stands.
  bool choose_ends(int32_t layers) {
    const std::vector<Candidate> candidates = ends_with(layers);
    return std::any_of(candidates.begin(), candidates.end(), [this](const Candidate& c) { return try_place(c); });
  }

  /// Places it. Whether each GPU can hold its part; the host's memory is the context's matter.
  bool try_place(const Candidate& candidate) {
    place(candidate);
    write_ledgers(state_);
    return std::none_of(gpus_.begin(), gpus_.end(), [&](int32_t gpu) { return is_overfull(state_.plan, gpu); });
  }

  void place(const Candidate& candidate) {
    const std::vector<int32_t> counts = share_out(candidate.layers, shares());
    place_counts(candidate, counts);
    if (gpus_.size() > 1 && state_.wishes.gpu_split.empty()) balance(candidate, counts);
  }

  void place_counts(const Candidate& candidate, const std::vector<int32_t>& counts) {
    Placement& placement = state_.plan.placement;
    placement = {};
    placement.kv_in_host = !state_.wishes.kv_on_gpu;
    placement.layers.assign(size_t(layers_ - candidate.layers), 0);
    for (size_t g = 0; g < gpus_.size(); ++g) {
      placement.layers.insert(placement.layers.end(), size_t(counts[g]), gpus_[g]);
    }
    if (candidate.cpu_ffn > 0) {
      placement.feed_forward = placement.layers;
      std::fill_n(placement.feed_forward.begin() + (layers_ - candidate.layers), candidate.cpu_ffn, 0);
    }
    if (candidate.embedding_on_gpu) placement.embedding = placement.layers.front();
    if (candidate.output_on_gpu) placement.output = placement.layers.back();
  }

  /// Moves layers from GPUs that hold too much to those that have room, one by one.
  void balance(const Candidate& candidate, std::vector<int32_t> counts) {
    for (int32_t moves = 0; moves < layers_; ++moves) {
      write_ledgers(state_);
      int32_t full = -1, roomy = -1;
      size_t most_room = 0;
      for (size_t g = 0; g < gpus_.size(); ++g) {
        const MemoryLedger& ledger = state_.plan.ledgers[size_t(gpus_[g])];
        if (is_overfull(state_.plan, gpus_[g])) {
          full = int32_t(g);
        } else if (ledger.usable - ledger.total() > most_room) {
          most_room = ledger.usable - ledger.total();
          roomy = int32_t(g);
        }
      }
      if (full < 0 || roomy < 0 || counts[size_t(full)] == 0) return;
      --counts[size_t(full)];
      ++counts[size_t(roomy)];
      place_counts(candidate, counts);
    }
  }

  std::vector<double> shares() const {
    const std::vector<double>& wish = state_.wishes.gpu_split;
    if (!wish.empty()) {
      if (wish.size() != gpus_.size()) {
        throw Error(ErrorCode::kInvalidArgument,
                    "--gpu-split has " + std::to_string(wish.size()) + " shares, there " +
                        (gpus_.size() == 1 ? "is 1 GPU" : "are " + std::to_string(gpus_.size()) + " GPUs"));
      }
      return wish;
    }
    std::vector<double> memory;
    for (int32_t gpu : gpus_) memory.push_back(double(state_.devices[size_t(gpu)]->info().memory_usable));
    if (std::accumulate(memory.begin(), memory.end(), 0.0) <= 0) memory.assign(gpus_.size(), 1);
    return memory;
  }

  void explain(bool as_asked) {
    const int32_t count = gpu_layers_of(state_.plan, state_.devices);
    std::string text = "GPU layers: " + std::to_string(count) + " of " + std::to_string(layers_);
    if (state_.wishes.most_gpu_layers < layers_) {
      text += ", since more failed to load";
    } else if (as_asked) {
      text += " as asked";
    } else if (count == state_.wishes.tuned_gpu_layers) {
      text += ", as tuned";
    } else if (by_speed_ && count < layers_ && fits_all()) {
      text += ", which is fastest by the speeds of the devices";
    } else if (!by_speed_ && automatic_layers() == 0) {
      text += ", since the GPU here shares the CPU's memory; --gpu-layers max tries it";
    } else if (count < layers_) {
      text += ", the most that fit";
    }
    state_.plan.reasons.push_back(text);
    const int32_t kept = cpu_ffn_of(state_.plan, state_.devices);
    if (kept > 0) {
      state_.plan.reasons.push_back("feed-forward: on the CPU, in host memory, for " + std::to_string(kept) +
                                    " of them, " +
                                    (state_.wishes.cpu_ffn ? "as asked" : "which is fastest of what fits"));
    }
    if (count < layers_ && gpus_.size() == 1) explain_what_would_fit(layers_ - count);
  }

  /// Whether all layers would fit at the plan's context.
  bool fits_all() {
    Plan trial = state_.plan;
    PlanState again{state_.card, state_.devices, state_.host, state_.wishes, trial};
    return Placer(again).choose_ends(layers_);
  }

  /// The longest context, in steps of 128 tokens, at which all layers fit with their KV cache in `format`; 0: none.
  int32_t context_for_all(Format format) {
    constexpr int32_t kStep = 128;
    Plan trial = state_.plan;
    trial.kv_format = format;
    PlanState again{state_.card, state_.devices, state_.host, state_.wishes, trial};
    Placer placer(again);
    int32_t fitting = 0, too_long = state_.plan.context_length / kStep + 1;
    while (too_long - fitting > 1) {
      const int32_t middle = (fitting + too_long) / 2;
      trial.context_length = middle * kStep;
      (placer.try_place({layers_, false, true, asked_cpu_ffn(layers_)}) ? fitting : too_long) = middle;
    }
    return fitting * kStep;
  }

  /// "5 layers stay on the CPU: 8.0 GiB card, 9.0 GiB needed at 2048; at 640 context, or 1280 with q8_0 KV, all 40 fit"
  void explain_what_would_fit(int32_t left) {
    const size_t gpu = size_t(gpus_[0]);
    Plan trial = state_.plan;
    PlanState again{state_.card, state_.devices, state_.host, state_.wishes, trial};
    Placer(again).try_place({layers_, false, true, asked_cpu_ffn(layers_)});
    const MemoryLedger& whole = trial.ledgers[gpu];
    if (whole.usable == 0 || whole.total() <= whole.usable) return;
    std::string text = std::to_string(left) + (left == 1 ? " layer stays" : " layers stay") +
                       " on the CPU: " + whole.device + " has " + gibibytes(whole.usable) + ", " +
                       gibibytes(whole.total()) + " are needed for all at a context of " +
                       std::to_string(state_.plan.context_length);
    std::string fit;
    if (const int32_t context = context_for_all(state_.plan.kv_format)) {
      fit = "at a context of " + std::to_string(context);
    }
    if (state_.plan.kv_format == Format::kF16 && can_keep_q8()) {
      if (const int32_t context = context_for_all(Format::kQ8_0)) {
        fit += (fit.empty() ? "at a context of " : ", or ") + std::to_string(context) + " with --kv-type q8_0";
      }
    }
    if (!fit.empty()) text += "; " + fit + ", all " + std::to_string(layers_) + " fit";
    if (fit.empty() && whole.weights > whole.usable) text += "; a smaller quantisation would fit";
    state_.plan.reasons.push_back(text);
  }

  bool can_keep_q8() const {
    return std::all_of(state_.card.layers.begin(), state_.card.layers.end(),
                       [](const LayerCard& layer) { return layer.key_dim % 32 == 0 && layer.value_dim % 32 == 0; });
  }

  static std::string gibibytes(size_t bytes) { return fixed_text(double(bytes) / double(size_t{1} << 30), 1) + " GiB"; }

  PlanState& state_;
  const int32_t layers_;
  std::vector<int32_t> gpus_;
  bool host_ = true;       // the first device is no GPU
  bool by_speed_ = false;  // the number of layers was chosen by predicted speed
};

void place_as_listed(PlanState& state) {
  const int32_t layers = int32_t(state.card.layers.size());
  const std::vector<int32_t>& split = state.wishes.layer_split;
  const bool wrong = std::any_of(split.begin(), split.end(), [](int32_t count) { return count < 0 || count > 65536; });
  if (wrong || split.size() > state.devices.size() || std::accumulate(split.begin(), split.end(), 0) != layers) {
    throw Error(ErrorCode::kInvalidArgument, "the layer split must name at most " +
                                                 std::to_string(state.devices.size()) + " devices and add up to " +
                                                 std::to_string(layers) + " layers");
  }
  Placement& placement = state.plan.placement;
  placement = {};
  placement.kv_in_host = !state.wishes.kv_on_gpu;
  for (size_t device = 0; device < split.size(); ++device) {
    placement.layers.insert(placement.layers.end(), size_t(split[device]), int32_t(device));
  }
  placement.embedding = placement.layers.front();
  placement.output = placement.layers.back();
}

}  // namespace

void place_on_first(PlanState& state) {
  state.plan.placement = {};
  state.plan.placement.layers.assign(state.card.layers.size(), 0);
}

void place_layers(PlanState& state) {
  if (!state.wishes.layer_split.empty()) return place_as_listed(state);
  Placer(state).run();
}

int32_t gpu_layers_of(const Plan& plan, std::span<Device* const> devices) {
  return int32_t(std::count_if(plan.placement.layers.begin(), plan.placement.layers.end(),
                               [&](int32_t device) { return is_gpu(*devices[size_t(device)]); }));
}

int32_t cpu_ffn_of(const Plan& plan, std::span<Device* const> devices) {
  int32_t count = 0;
  for (size_t i = 0; i < plan.placement.layers.size(); ++i) {
    count += is_gpu(*devices[size_t(plan.placement.layers[i])]) &&
             !is_gpu(*devices[size_t(plan.placement.feed_forward_of(i))]);
  }
  return count;
}

int32_t most_gpu_layers_that_fit(PlanState state) {
  Plan trial = state.plan;
  Wishes wishes = state.wishes;
  wishes.gpu_layers = {};
  wishes.devices_named = true;  // an automatic choice among all
  wishes.most_gpu_layers = std::numeric_limits<int32_t>::max();
  wishes.context_length = state.plan.context_length;
  PlanState again{state.card, state.devices, state.host, wishes, trial};
  Placer(again).run();
  return gpu_layers_of(trial, state.devices);
}

}  // namespace vivace
