#include "server/downloads.h"

#include <system_error>

#include "base/date.h"
#include "base/error.h"
#include "base/with_memory.h"
#include "server/random_id.h"

namespace vivace {

struct Downloads::Job {
  std::string id, name, file;
  std::vector<DownloadRequest> requests;
  uint64_t total = 0;
  int64_t started = seconds_since_1970();
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
  std::atomic<uint64_t> done{0}, begun_with{0};
  std::mutex mutex;  // guards what follows
  DownloadState::Status status = DownloadState::Status::kDownloading;
  int64_t ended = 0;
  std::string error;
  std::vector<std::function<void(const DownloadState&)>> followers;
  std::chrono::steady_clock::time_point told_at{};
  std::thread thread;

  void tell(bool always) {
    std::vector<std::function<void(const DownloadState&)>> all;
    {
      const std::lock_guard lock(mutex);
      const auto now = std::chrono::steady_clock::now();
      if (!always && now - told_at < std::chrono::milliseconds(250)) return;
      told_at = now;
      all = followers;
    }
    const DownloadState now = state();
    for (const auto& told : all) told(now);
  }

  DownloadState state() {
    const std::lock_guard lock(mutex);
    DownloadState state;
    state.status = status;
    state.job = id;
    state.file = file;
    state.done = done;
    state.total = total;
    state.started = started;
    state.ended = ended;
    state.error = error;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (seconds > 0) state.bytes_per_second = double(done - std::min<uint64_t>(done, begun_with)) / seconds;
    return state;
  }

  void end(DownloadState::Status how, const std::string& why) {
    const std::lock_guard lock(mutex);
    status = how;
    error = why;
    ended = seconds_since_1970();
  }
};

Downloads::Downloads(HubOptions hub, std::filesystem::path folder, Logger log)
    : hub_(std::move(hub)), folder_(std::move(folder)), log_(log) {}

Downloads::~Downloads() {
  stopping_ = true;
  for (auto& [id, job] : jobs_) {
    if (job->thread.joinable()) job->thread.join();
  }
}

DownloadState Downloads::start(const std::string& model, const std::string& quantisation) {
  HubName name = parse_hub_name(model);
  if (!quantisation.empty()) name.wanted = quantisation;
  const std::vector<HubFile> files = choose_hub_files(hub_files(hub_, name.repository), name);
  const auto job = std::make_shared<Job>();
  job->id = "job_" + random_id().substr(0, 10);
  job->name = name.repository + ":" + files.front().path;
  bool there = true;
  for (const HubFile& file : files) {
    job->requests.push_back(hub_download(hub_, name, file, folder_));
    job->total += file.bytes;
    std::error_code error;
    const std::filesystem::path& target = job->requests.back().target;
    there = there && std::filesystem::file_size(target, error) == file.bytes && !error;
  }
  job->file = job->requests.front().target.string();
  if (there) {
    job->done = job->total;
    job->end(DownloadState::Status::kThere, "");
    return job->state();
  }
  const std::lock_guard lock(mutex_);
  for (const auto& [id, other] : jobs_) {
    if (other->name == job->name && other->state().status == DownloadState::Status::kDownloading) return other->state();
  }
  jobs_[job->id] = job;
  try {
    job->thread = std::thread([this, job] { run(*job); });
  } catch (const std::system_error&) {
    jobs_.erase(job->id);
    throw Error(ErrorCode::kOutOfMemory, "the system gives no thread for the download");
  }
  return job->state();
}

/// On the job's thread.
void Downloads::run(Job& job) {
  try {
    uint64_t before = 0;
    for (const DownloadRequest& request : job.requests) {
      bool first = true;
      download_file(request, [&](uint64_t done, uint64_t) {
        job.done = before + done;
        if (std::exchange(first, false)) job.begun_with = before + done;
        job.tell(false);
        return !stopping_;
      });
      before += request.bytes;
      job.done = before;
    }
    job.end(DownloadState::Status::kCompleted, "");
    log_.info("download complete", {{"file", job.file}});
  } catch (const std::exception& error) {
    with_memory([&] { job.end(DownloadState::Status::kFailed, error.what()); });
    log_.warn("download failed", {{"file", job.file}, {"error", error.what()}});
  }
  with_memory([&] { job.tell(true); });
}

std::optional<DownloadState> Downloads::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return std::nullopt;
  return found->second->state();
}

void Downloads::follow(const std::string& id, const std::function<void(const DownloadState& state)>& told) {
  std::shared_ptr<Job> job;
  {
    const std::lock_guard lock(mutex_);
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return;
    job = found->second;
  }
  {
    const std::lock_guard lock(job->mutex);
    // At the end nobody calls any more: it is told once, here or there.
    if (job->status == DownloadState::Status::kDownloading) job->followers.push_back(told);
  }
  told(job->state());
}

}  // namespace vivace
