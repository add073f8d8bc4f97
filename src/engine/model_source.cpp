#include "engine/model_source.h"

#include <algorithm>

namespace vivace {
namespace {

/// Fewer layers than `count`, about an eighth: a load that fails takes time.
int32_t fewer(int32_t count) { return count - std::max(1, count / 8); }

}  // namespace

ModelSource::ModelSource(GgufFile file, ModelCard card, std::span<Device* const> devices, const HostFacts& host,
                         ThreadPool& pool, Wishes wishes, NoteSink note)
    : file_(std::move(file)),
      card_(std::move(card)),
      devices_(devices.begin(), devices.end()),
      host_(host),
      pool_(pool),
      wishes_(std::move(wishes)),
      note_(std::move(note)),
      plan_(make_plan(card_, devices_, host_, wishes_)) {}

void ModelSource::load(const LoadProgress& progress) {
  while (true) {
    try {
      model_ = load_model(file_, card_, plan_, devices_, pool_, progress);
      runner_ = std::make_unique<StepRunner>(*model_);
      return;
    } catch (const DeviceError& error) {
      unload();
      give_way(error);
    } catch (...) {
      unload();
      throw;
    }
  }
}

void ModelSource::change(const Wishes& wishes) {
  Plan plan = make_plan(card_, devices_, host_, wishes);
  if (std::max(plan.threads, plan.threads_prefill) > pool_.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                "the model was loaded with " + std::to_string(pool_.size()) + " threads at most",
                "load it again with more --threads");
  }
  const bool same_place = plan.placement == plan_.placement && plan.map_weights == plan_.map_weights;
  const Plan before = plan_;
  try {
    if (same_place) {
      use(plan);
    } else {
      unload();
      plan_ = std::move(plan);
      load();
    }
  } catch (const Error&) {
    if (model_) {
      use(before);
    } else {
      plan_ = before;
      load();
    }
    throw;
  }
  wishes_ = wishes;
}

/// Puts a plan with the loaded placement in force.
void ModelSource::use(const Plan& plan) {
  const bool only_threads = runner_ && plan.kv_pages == plan_.kv_pages && plan.kv_format == plan_.kv_format &&
                            plan.limits == plan_.limits && plan.context_length == plan_.context_length;
  if (!only_threads) runner_.reset();  // its memory makes room for the next one's
  plan_ = model_->plan = plan;
  if (!only_threads) runner_ = std::make_unique<StepRunner>(*model_);
}

void ModelSource::recover(const DeviceError& error) {
  unload();
  give_way(error);
  load();
}

void ModelSource::unload() {
  runner_.reset();
  model_.reset();
}

void ModelSource::give_way(const DeviceError& error) {
  const auto found = std::find_if(devices_.begin(), devices_.end(),
                                  [&](const Device* device) { return device->info().id == error.device(); });
  const int32_t layers = gpu_layers_of(plan_, devices_);
  const bool gpu = found != devices_.end() && (*found)->info().kind != DeviceKind::kCpu;
  if (!gpu || layers == 0 || devices_.size() == 1) throw error;
  std::string note = error.device() + ": " + error.what();
  wishes_.layer_split.clear();  // what it named is no longer so
  if (error.code() == ErrorCode::kDeviceLost) {
    devices_.erase(found);
    wishes_.gpu_layers.reset();
    wishes_.gpu_split.clear();
    note += "; going on without it";
  } else {
    wishes_.most_gpu_layers = fewer(layers);
    note += "; trying with less";
  }
  plan_ = make_plan(card_, devices_, host_, wishes_);
  note += ": " + std::to_string(gpu_layers_of(plan_, devices_)) + " of " + std::to_string(card_.layers.size()) +
          " layers on GPUs";
  if (note_) note_(note);
}

}  // namespace vivace
