#include "cli/tuned.h"

#include "advise/local_machine.h"
#include "advise/profile.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/console.h"
#include "models/model_file.h"
#include "store/record_store.h"
#include "store/vivace_database.h"

namespace vivace {

std::string profile_key_of(const std::filesystem::path& model) {
  return profile_key(model_fingerprint(model), machine_fingerprint(), VIVACE_VERSION);
}

void take_tuned(const std::filesystem::path& model, Context& context, Wishes& wishes) {
  const auto tell = [&context](const std::string& note) { context.console.err("note: " + note + "\n"); };
  try {
    auto database = open_existing_vivace_database(app_paths(context.environment).data, tell);
    if (!database) return;
    RecordStore store(std::move(*database));
    if (!store.last(kProfileRecord)) return;  // nothing was ever tuned: the file need not be looked at
    if (const auto record = store.last(kProfileRecord, profile_key_of(model))) {
      apply_profile(parse_profile_json(parse_json(record->body)), record->at, wishes);
    }
  } catch (const Error& error) {
    tell(std::string("tuned settings can't be read: ") + error.what());
  }
}

}  // namespace vivace
