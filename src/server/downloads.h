// Downloads that requests have started: one thread each, their state by a job's id.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/log.h"
#include "net/model_hub.h"

namespace vivace {

struct DownloadState {
  enum class Status { kDownloading, kCompleted, kFailed, kThere };
  Status status = Status::kDownloading;
  std::string job, file;
  uint64_t done = 0, total = 0;    // bytes
  int64_t started = 0, ended = 0;  // seconds since 1970; 0: not yet
  double bytes_per_second = 0;
  std::string error;
};

class Downloads {
 public:
  Downloads(HubOptions hub, std::filesystem::path folder, Logger log);
  /// Stops what runs; it goes on from there when it is asked for again.
  ~Downloads();

  /// Looks the model up and begins, or joins the job that has begun already. Throws Error kNotFound, kIo,
  /// kInvalidArgument.
  DownloadState start(const std::string& model, const std::string& quantisation);
  std::optional<DownloadState> find(const std::string& job) const;
  /// Calls `told` now, every quarter of a second and at the end, on the job's thread or this one.
  void follow(const std::string& job, const std::function<void(const DownloadState& state)>& told);

 private:
  struct Job;
  void run(Job& job);

  const HubOptions hub_;
  const std::filesystem::path folder_;
  const Logger log_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Job>> jobs_;
};

}  // namespace vivace
