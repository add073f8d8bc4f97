#include "cli/model_records.h"

#include "advise/local_machine.h"
#include "advise/profile.h"
#include "base/error.h"
#include "cli/console.h"
#include "models/model_file.h"
#include "store/vivace_database.h"

namespace vivace {

std::string profile_key_of(const std::filesystem::path& model) {
  return profile_key(model_fingerprint(model), machine_fingerprint(), VIVACE_VERSION);
}

void read_model_records(const char* kind, const std::filesystem::path& model, int32_t most, const std::string& what,
                        Context& context, const std::function<void(const Record& record)>& take) {
  const auto tell = [&context](const std::string& note) { context.console.err("note: " + note + "\n"); };
  try {
    auto database = open_existing_vivace_database(app_paths(context.environment).data, tell);
    if (!database) return;
    RecordStore store(std::move(*database));
    if (!store.last(kind)) return;  // there is none of any model: the file need not be looked at
    for (const Record& record : store.newest(kind, profile_key_of(model), most)) take(record);
  } catch (const Error& error) {
    tell(what + " can't be read: " + error.what());
  }
}

}  // namespace vivace
