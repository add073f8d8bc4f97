// The measured speed of this machine's devices, kept between runs.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "plan/cost/device_speed.h"
#include "store/database.h"

namespace vivace {

/// What a measurement is of: where anything here changes, the device is measured again.
struct SpeedKey {
  std::string version;  // of Vivace
  std::string device;   // DeviceInfo::id
  std::string name;     // of the processor or the card
  std::string kernels;  // the instruction set in use
  int32_t threads = 0;  // that compute
  int64_t memory = 0;   // bytes, counted in whole GiB

  std::string text() const;
};

class SpeedStore {
 public:
  /// The file in the data folder. Throws as Database::open().
  static SpeedStore open(const std::filesystem::path& data_folder,
                         const std::function<void(const std::string& note)>& tell = {});
  /// The same, or nothing where there is no file yet: nothing is created.
  static std::optional<SpeedStore> open_existing(const std::filesystem::path& data_folder,
                                                 const std::function<void(const std::string& note)>& tell = {});

  /// The speed stored under the key; nothing where there is none, or none that can be read.
  std::optional<DeviceSpeed> find(const SpeedKey& key);
  /// Replaces what is stored under it. Throws Error kIo.
  void keep(const SpeedKey& key, const DeviceSpeed& speed, const std::string& date);

 private:
  explicit SpeedStore(Database database) : database_(std::move(database)) {}
  Database database_;
};

}  // namespace vivace
