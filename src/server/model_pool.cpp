#include "server/model_pool.h"

#include <algorithm>

#include "base/ascii_case.h"
#include "base/os/memory.h"
#include "base/with_memory.h"
#include "models/model_file.h"
#include "server/api_error.h"

namespace vivace {
namespace {

using Clock = std::chrono::steady_clock;

Error closing() { return Error(ErrorCode::kCancelled, "the server is shutting down"); }

}  // namespace

ModelPool::ModelPool(Machine& machine, ModelPoolOptions options, Logger log)
    : machine_(machine), options_(std::move(options)), log_(log) {
  try {
    thread_ = std::thread([this] { loop(); });
  } catch (const std::system_error&) {
    throw Error(ErrorCode::kOutOfMemory, "the system gives no thread for loading models");
  }
}

ModelPool::~ModelPool() {
  std::deque<Job> left;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    left.swap(jobs_);
  }
  changed_.notify_all();
  thread_.join();
  const Error error = closing();
  for (Job& job : left) with_memory([&] { job.ready({}, 0, &error); });
  loaded_.clear();
}

std::vector<ModelEntry> ModelPool::available() const {
  std::vector<ModelEntry> models = find_models(options_.folders);
  const std::lock_guard lock(mutex_);
  for (const ModelEntry& entry : named_) {
    const bool known = std::any_of(models.begin(), models.end(), [&](const ModelEntry& other) {
      std::error_code ignored;
      return other.key == entry.key || std::filesystem::equivalent(other.path, entry.path, ignored);
    });
    if (!known) models.push_back(entry);
  }
  add_aliases(options_.settings, models);
  return models;
}

const ModelSetting* ModelPool::setting_of(const ModelEntry& entry) const {
  for (const ModelSetting& setting : options_.settings) {
    if (ascii_lower(setting.name) == ascii_lower(entry.key)) return &setting;
  }
  return nullptr;
}

void ModelPool::add_file(const std::filesystem::path& path) {
  const std::lock_guard lock(mutex_);
  named_.push_back(entry_of_file(path));
}

std::vector<std::shared_ptr<ServedModel>> ModelPool::loaded() const {
  const std::lock_guard lock(mutex_);
  return loaded_;
}

/// By instance, by key, or the only one for "". Under the mutex.
std::shared_ptr<ServedModel> ModelPool::find_loaded(const std::string& name) const {
  if (name.empty()) return loaded_.empty() ? nullptr : loaded_.front();
  for (const auto& model : loaded_) {
    if (model->id == name) return model;
  }
  std::vector<ModelEntry> entries;
  for (const auto& model : loaded_) entries.push_back(model->entry);
  const auto entry = find_model(entries, name);
  if (!entry) return nullptr;
  for (const auto& model : loaded_) {
    if (model->entry.path == entry->path) return model;
  }
  return nullptr;
}

void ModelPool::acquire(const LoadWish& wish, bool explicitly, Progress progress, const Ready& ready) {
  ModelLease lease;
  {
    const std::lock_guard lock(mutex_);
    if (!explicitly) {
      if (const auto model = find_loaded(wish.model)) {
        lease = ModelLease(model);
        if (wish.ttl && model->just_in_time) model->ttl = wish.ttl;
      }
    }
    if (!lease && !stopping_) jobs_.push_back({wish, explicitly, std::move(progress), ready});
    if (!lease && stopping_) {
      const Error error = closing();
      ready({}, 0, &error);
      return;
    }
  }
  if (lease) {
    ready(std::move(lease), 0, nullptr);
  } else {
    changed_.notify_all();
  }
}

void ModelPool::throw_not_found(const std::string& name) const {
  std::string names;
  for (const ModelEntry& entry : available()) names += "\n" + entry.key;
  if (name.empty()) {
    throw ApiError(404, "No models loaded. Name one in the field \"model\", or load one with `vivace load`.", "model");
  }
  throw ApiError(404,
                 "Model \"" + name + "\" not found. Please specify a valid model." +
                     (names.empty() ? std::string(" There are none on this machine; `vivace fetch` gets one.")
                                    : "\n\nYour models:" + names),
                 "model", "model_not_found");
}

std::string ModelPool::free_id(const std::string& wished) const {
  std::string id = wished;
  const auto taken = [&] {
    return std::any_of(loaded_.begin(), loaded_.end(), [&](const auto& model) { return model->id == id; });
  };
  for (int n = 2; taken(); ++n) id = wished + ":" + std::to_string(n);
  return id;
}

// ---- the pool's thread ---------------------------------------------------------------------------------------------

void ModelPool::loop() {
  constexpr auto kLook = std::chrono::seconds(1);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto has_work = [this] { return stopping_ || !jobs_.empty(); };
    const bool may_expire =
        std::any_of(loaded_.begin(), loaded_.end(), [](const auto& model) { return model->ttl.has_value(); });
    if (may_expire) {
      changed_.wait_for(lock, kLook, has_work);
    } else {
      changed_.wait(lock, has_work);
    }
    if (stopping_) return;
    if (!jobs_.empty()) {
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      run(job);
      lock.lock();
    }
    lock.unlock();
    with_memory([&] {
      unload_idle(
          [](const ServedModel& model) { return model.ttl && model.idle_seconds() > double(model.ttl->count()); });
    });
    lock.lock();
  }
}

void ModelPool::run(Job& job) {
  try {
    serve(job);
  } catch (const std::exception&) {
    with_memory([&] {
      const ApiError error = caught_error();
      log_.warn("a model was not loaded", {{"model", job.wish.model}, {"error", error.what()}});
      job.ready({}, 0, &error);
    });
  }
}

/// Gets the job its model. Throws.
void ModelPool::serve(Job& job) {
  if (!job.explicitly) {
    ModelLease lease;
    {
      const std::lock_guard lock(mutex_);
      if (const auto model = find_loaded(job.wish.model)) lease = ModelLease(model);
    }
    if (lease) return job.ready(std::move(lease), 0, nullptr);
    if (!options_.just_in_time) throw_not_found(job.wish.model);
  }
  const auto entry = find_model(available(), job.wish.model);
  if (!entry) throw_not_found(job.wish.model);
  if (!job.explicitly && options_.auto_evict) {
    unload_idle([](const ServedModel& model) { return model.just_in_time; });
  }
  const auto begin = Clock::now();
  std::shared_ptr<ServedModel> model;
  try {
    model = load(job, *entry);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kOutOfMemory || !wait_for_room()) throw;
    model = load(job, *entry);
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  log_.info("model loaded", {{"model", model->id}, {"path", model->entry.path.string()}, {"seconds", seconds}});
  ModelLease lease(model);
  {
    const std::lock_guard lock(mutex_);
    loaded_.push_back(model);
  }
  job.ready(std::move(lease), seconds, nullptr);
}

std::unique_ptr<ModelSource> ModelPool::make_source(const Job& job, const ModelEntry& entry, GgufFile file) {
  ModelCard card = read_model_card(file);
  Wishes wishes = options_.wishes;
  if (const ModelSetting* setting = setting_of(entry)) setting->load.apply(wishes);
  job.wish.apply(wishes);
  if (options_.tune) options_.tune(entry.path, wishes);
  HostFacts host = machine_.host();
  const int64_t usable = read_memory_info().usable_now - int64_t(options_.reserve_memory);
  host.memory_usable = size_t(std::max<int64_t>(usable, 1));  // other models have taken theirs
  return std::make_unique<ModelSource>(std::move(file), std::move(card), machine_.devices(), host, machine_.pool(),
                                       std::move(wishes), [this](const std::string& note) {
                                         log_.warn("a placement gave way", {{"note", note}});
                                       });
}

std::shared_ptr<ServedModel> ModelPool::load(const Job& job, const ModelEntry& entry) {
  GgufFile file = open_model_file(entry.path);
  ChatParts chat = open_chat_parts(file, options_.chat_template);
  std::unique_ptr<ModelSource> source = make_source(job, entry, std::move(file));
  double told = 0;
  source->load([&](size_t done, size_t total) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return false;
    }
    const double share = total == 0 ? 1 : double(done) / double(total);
    if (!job.progress || (share < told + 0.01 && share < 1)) return true;
    told = share;
    return job.progress(share);
  });
  std::string id;
  {
    const std::lock_guard lock(mutex_);
    id = free_id(job.wish.instance.empty() ? entry.key : job.wish.instance);
  }
  auto model = std::make_shared<ServedModel>(id, entry, std::move(source), std::move(chat), options_.engine);
  model->just_in_time = !job.explicitly;
  model->ttl = job.wish.ttl;
  if (const ModelSetting* setting = setting_of(entry); setting != nullptr && !model->ttl)
    model->ttl = setting->load.ttl;
  if (!model->ttl && !job.explicitly && options_.ttl.count() > 0) model->ttl = options_.ttl;
  return model;
}

/// Makes models go that nobody uses and for which `which` says so.
void ModelPool::unload_idle(const std::function<bool(const ServedModel&)>& which) {
  std::vector<std::shared_ptr<ServedModel>> going;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(loaded_, [&](const auto& model) {
      if (model->uses > 0 || !which(*model)) return false;
      going.push_back(model);
      return true;
    });
  }
  for (const auto& model : going) log_.info("model unloaded", {{"model", model->id}, {"why", "idle"}});
}

/// After a load that found no memory: models that requests have loaded go, when they are done. False where none can.
bool ModelPool::wait_for_room() {
  const auto deadline = Clock::now() + std::chrono::seconds(60);
  while (Clock::now() < deadline) {
    size_t candidates = 0, before = 0;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return false;
      before = loaded_.size();
      for (const auto& model : loaded_) candidates += model->just_in_time;
    }
    if (candidates == 0) return false;
    unload_idle([](const ServedModel& model) { return model.just_in_time; });
    if (loaded().size() < before) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

void ModelPool::unload(const std::string& instance) {
  std::shared_ptr<ServedModel> going;
  {
    const std::lock_guard lock(mutex_);
    going = instance.empty() ? nullptr : find_loaded(instance);
    if (going) std::erase(loaded_, going);
  }
  if (!going) {
    throw ApiError(404, "no model is loaded as \"" + instance + "\"", "instance_id", "model_not_found",
                   "GET /api/v1/models lists the loaded ones");
  }
  log_.info("model unloaded", {{"model", going->id}, {"why", "asked"}});
}

}  // namespace vivace
