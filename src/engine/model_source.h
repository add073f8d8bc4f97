// A model that can be loaded again: where a device gives less memory than it promised, or is lost, the next placement
// takes its place.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "device/device_error.h"
#include "engine/loaded_model.h"
#include "engine/step.h"

namespace vivace {

/// Not thread-safe. The devices and the pool must outlive it.
class ModelSource {
 public:
  /// Receives a sentence for the user when a placement gives way.
  using NoteSink = std::function<void(const std::string& note)>;

  /// Makes the plan; loads nothing. Throws what make_plan() throws.
  ModelSource(GgufFile file, ModelCard card, std::span<Device* const> devices, const HostFacts& host, ThreadPool& pool,
              Wishes wishes, NoteSink note = {});

  const ModelCard& card() const { return card_; }
  /// Of the loaded model; before that, what load() tries first.
  const Plan& plan() const { return plan_; }
  /// That the plan's indices mean; a lost one is no longer among them.
  std::span<Device* const> devices() const { return devices_; }

  /// Loads weights, KV cache and activations. A placement whose memory is refused by a GPU gives way to the next
  /// smaller one. Throws Error kCancelled and what load_model() throws.
  void load(const LoadProgress& progress = {});

  /// There once load() has returned.
  const LoadedModel& model() const { return *model_; }
  StepRunner& runner() { return *runner_; }

  const Wishes& wishes() const { return wishes_; }
  /// Threads that a change may ask for.
  int32_t most_threads() const { return pool_.size(); }
  /// Other wishes for the loaded model: context, KV format, parallel, batch size and threads change without reading its
  /// weights again, which only another placement needs. KV pages that the runner gave out are void unless only threads
  /// change. Throws what make_plan() throws, kInvalidArgument for more threads than the pool has, kOutOfMemory; the
  /// model then stays as it was.
  void change(const Wishes& wishes);

  /// After a step failed: loads again with less of a GPU, or without it where it is lost. What the runner gave out (KV
  /// pages) is void. Throws the error again where no GPU was to blame; then nothing is loaded.
  void recover(const DeviceError& error);

 private:
  void give_way(const DeviceError& error);
  void use(const Plan& plan);
  void unload();

  GgufFile file_;
  ModelCard card_;
  std::vector<Device*> devices_;
  HostFacts host_;
  ThreadPool& pool_;
  Wishes wishes_;
  NoteSink note_;
  Plan plan_;
  std::unique_ptr<LoadedModel> model_;
  std::unique_ptr<StepRunner> runner_;  // after the model, which it reads
};

}  // namespace vivace
