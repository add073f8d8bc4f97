#include "store/speed_store.h"

#include "base/error.h"
#include "base/json.h"
#include "store/speed_json.h"
#include "store/vivace_database.h"

namespace vivace {
namespace {

constexpr int kRevision = 2;  // of what is measured and how

}  // namespace

std::string SpeedKey::text() const {
  return "revision " + std::to_string(kRevision) + "|" + version + "|" + device + "|" + name + "|" + kernels + "|" +
         std::to_string(threads) + " threads|" + std::to_string((memory + (1 << 29)) >> 30) + " GiB";
}

SpeedStore SpeedStore::open(const std::filesystem::path& data_folder,
                            const std::function<void(const std::string& note)>& tell) {
  return SpeedStore(open_vivace_database(data_folder, tell));
}

std::optional<SpeedStore> SpeedStore::open_existing(const std::filesystem::path& data_folder,
                                                    const std::function<void(const std::string& note)>& tell) {
  std::optional<Database> database = open_existing_vivace_database(data_folder, tell);
  if (!database) return std::nullopt;
  return SpeedStore(std::move(*database));
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
