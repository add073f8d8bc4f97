#include "cli/tuned.h"

#include "advise/profile.h"
#include "base/json.h"

namespace vivace {

void take_tuned(const std::filesystem::path& model, Context& context, Wishes& wishes) {
  read_model_records(kProfileRecord, model, 1, "tuned settings", context, [&](const Record& record) {
    apply_profile(parse_profile_json(parse_json(record.body)), record.at, wishes);
  });
}

}  // namespace vivace
