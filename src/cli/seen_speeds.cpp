#include "cli/seen_speeds.h"

#include <string>
#include <vector>

#include "advise/seen_speed.h"
#include "base/date.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/console.h"
#include "cli/tuned.h"
#include "store/record_store.h"
#include "store/vivace_database.h"

namespace vivace {
namespace {

constexpr const char* kSeenRecord = "seen speed";
constexpr int32_t kMostRecords = 2000;
constexpr int32_t kNewest = 9;  // runs of a model count

void tell(Context& context, const std::string& note) { context.console.err("note: " + note + "\n"); }

}  // namespace

void keep_seen_speed(const std::filesystem::path& model, const PredictedRates& predicted,
                     const PredictedRates& measured, int32_t streams, Context& context) {
  if (predicted.prefill <= 0 && predicted.decode <= 0) return;
  try {
    RecordStore store(open_vivace_database(app_paths(context.environment).data));
    const std::string body = dump_json(seen_speed_json(predicted, measured, streams));
    store.add(kSeenRecord, profile_key_of(model), date_text(), body, kMostRecords);
  } catch (const Error& error) {
    tell(context, std::string("the speed is not kept: ") + error.what());
  }
}

SpeedCorrection seen_correction(const std::filesystem::path& model, Context& context) {
  std::vector<Json> runs;
  try {
    auto database = open_existing_vivace_database(app_paths(context.environment).data);
    if (!database) return {};
    RecordStore store(std::move(*database));
    if (!store.last(kSeenRecord)) return {};  // nothing was ever measured: the file need not be looked at
    for (const Record& record : store.newest(kSeenRecord, profile_key_of(model), kNewest)) {
      runs.push_back(parse_json(record.body));
    }
  } catch (const Error& error) {
    tell(context, std::string("earlier speeds can't be read: ") + error.what());
    return {};
  }
  return correction_of(runs);
}

}  // namespace vivace
