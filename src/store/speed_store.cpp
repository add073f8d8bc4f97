#include "store/speed_store.h"

#include "base/error.h"
#include "base/json.h"
#include "store/speed_json.h"

namespace vivace {
namespace {

constexpr const char* kFileName = "vivace.db";
constexpr int kRevision = 1;  // of what is measured and how

constexpr const char* kCreate =
    "CREATE TABLE device_speed (key TEXT PRIMARY KEY, measured_at TEXT NOT NULL, speed TEXT NOT NULL)";

Schema schema() { return {.version = 1, .create = kCreate}; }

}  // namespace

std::string SpeedKey::text() const {
  return "revision " + std::to_string(kRevision) + "|" + version + "|" + device + "|" + name + "|" + kernels + "|" +
         std::to_string(threads) + " threads|" + std::to_string((memory + (1 << 29)) >> 30) + " GiB";
}

SpeedStore SpeedStore::open(const std::filesystem::path& data_folder,
                            const std::function<void(const std::string& note)>& tell) {
  return SpeedStore(Database::open(data_folder / kFileName, schema(), tell));
}

std::optional<SpeedStore> SpeedStore::open_existing(const std::filesystem::path& data_folder,
                                                    const std::function<void(const std::string& note)>& tell) {
  std::error_code ignored;
  if (!std::filesystem::exists(data_folder / kFileName, ignored)) return std::nullopt;
  return open(data_folder, tell);
}

std::optional<DeviceSpeed> SpeedStore::find(const SpeedKey& key) {
  const DbValue text = key.text();
  const auto rows = database_.query("SELECT speed FROM device_speed WHERE key = ?", {&text, 1});
  if (rows.empty()) return std::nullopt;
  try {
    return parse_speed_json(parse_json(rows[0][0]));
  } catch (const Error&) {
    return std::nullopt;  // as if it had never been measured
  }
}

void SpeedStore::keep(const SpeedKey& key, const DeviceSpeed& speed, const std::string& date) {
  const DbValue values[] = {key.text(), date, dump_json(speed_json(speed))};
  database_.run("INSERT OR REPLACE INTO device_speed (key, measured_at, speed) VALUES (?, ?, ?)", values);
}

}  // namespace vivace
