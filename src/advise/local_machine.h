// What is known of this machine's speed: measured before and stored, or guessed.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "store/speed_store.h"

namespace vivace {

/// Under what a device's speed is stored.
SpeedKey speed_key(const DeviceInfo& info, const std::string& version);

/// What tells this machine from others: processor, useful threads, memory.
std::string machine_fingerprint();

/// The stored speeds of these devices, of those that have one. A store that can't be opened is as good as none: the
/// sink is told.
std::vector<DeviceSpeed> stored_speeds(const std::filesystem::path& data_folder, std::span<Device* const> devices,
                                       const std::string& version,
                                       const std::function<void(const std::string& note)>& tell);

/// A guess for each device, for those that were never measured.
std::vector<DeviceSpeed> guessed_speeds(std::span<Device* const> devices, int32_t cores);

}  // namespace vivace
