// The models that are loaded: on the first request or on demand, several at once as memory allows, unloaded when idle.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "engine/machine.h"
#include "server/load_wish.h"
#include "server/model_folders.h"
#include "server/model_settings.h"
#include "server/served_model.h"

namespace vivace {

struct ModelPoolOptions {
  Wishes wishes;  // of every model, as far as a request says nothing else
  EngineOptions engine;
  ModelFolders folders;
  size_t reserve_memory = size_t{512} << 20;  // bytes of host memory left to others
  bool just_in_time = true;                   // requests load models that are not loaded
  bool auto_evict = true;                     // a model loaded so makes idle ones go that were loaded so
  std::chrono::seconds ttl{3600};             // of models loaded so; 0: none
  std::string chat_template;                  // as --chat-template
  std::vector<ModelSetting> settings;
  /// What is known of the best settings for a file; may be empty.
  std::function<void(const std::filesystem::path& file, Wishes& wishes)> tune;
};

class ModelPool {
 public:
  /// Told from 0 to 1; returning false gives up.
  using Progress = std::function<bool(double share)>;
  /// The model, how long this call's load took (0: it was there), or an error.
  using Ready = std::function<void(ModelLease model, double load_seconds, const Error* error)>;

  /// The machine must outlive the pool.
  ModelPool(Machine& machine, ModelPoolOptions options, Logger log);
  /// Unloads everything; loads that wait fail with kCancelled.
  ~ModelPool();

  /// The models on this machine, those that were named at the start included.
  std::vector<ModelEntry> available() const;
  std::vector<std::shared_ptr<ServedModel>> loaded() const;
  /// Whether requests load models.
  bool loads_on_demand() const { return options_.just_in_time; }
  /// A file that requests may name, wherever it lies.
  void add_file(const std::filesystem::path& path);

  /// Calls `ready` once: at once for a loaded model, else on the pool's thread when it has been loaded. `explicitly`:
  /// asked for as such, not by a request for an answer; it stays until it is unloaded.
  void acquire(const LoadWish& wish, bool explicitly, Progress progress, const Ready& ready);
  /// Lets running answers come to their end. Throws ApiError 404.
  void unload(const std::string& instance);

 private:
  struct Job {
    LoadWish wish;
    bool explicitly = false;
    Progress progress;
    Ready ready;
  };

  void loop();
  void run(Job& job);
  void serve(Job& job);
  const ModelSetting* setting_of(const ModelEntry& entry) const;
  std::shared_ptr<ServedModel> load(const Job& job, const ModelEntry& entry);
  std::unique_ptr<ModelSource> make_source(const Job& job, const ModelEntry& entry, GgufFile file);
  std::shared_ptr<ServedModel> find_loaded(const std::string& name) const;
  std::string free_id(const std::string& wished) const;
  void unload_idle(const std::function<bool(const ServedModel&)>& which);
  bool wait_for_room();
  [[noreturn]] void throw_not_found(const std::string& name) const;

  Machine& machine_;
  const ModelPoolOptions options_;
  const Logger log_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::vector<std::shared_ptr<ServedModel>> loaded_;
  std::vector<ModelEntry> named_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace vivace
