#include "cli/seen_speeds.h"

#include <string>
#include <vector>

#include "advise/seen_speed.h"
#include "base/date.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/console.h"
#include "cli/model_records.h"
#include "store/vivace_database.h"

namespace vivace {
namespace {

constexpr const char* kSeenRecord = "seen speed";
constexpr int32_t kMostRecords = 2000;
constexpr int32_t kNewest = 9;  // runs of a model count

}  // namespace

void keep_seen_speed(const std::filesystem::path& model, const PredictedRates& predicted,
                     const PredictedRates& measured, int32_t streams, Context& context) {
  if (predicted.prefill <= 0 && predicted.decode <= 0) return;
  try {
    RecordStore store(open_vivace_database(app_paths(context.environment).data));
    const std::string body = dump_json(seen_speed_json(predicted, measured, streams));
    store.add(kSeenRecord, profile_key_of(model), date_text(), body, kMostRecords);
  } catch (const Error& error) {
    context.console.err(std::string("note: the speed is not kept: ") + error.what() + "\n");
  }
}

SpeedCorrection seen_correction(const std::filesystem::path& model, Context& context) {
  std::vector<Json> runs;
  read_model_records(kSeenRecord, model, kNewest, "earlier speeds", context,
                     [&](const Record& record) { runs.push_back(parse_json(record.body)); });
  return correction_of(runs);
}

}  // namespace vivace
