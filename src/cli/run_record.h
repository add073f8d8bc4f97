// The last run, kept so that vivace why can say how its time went.
#pragma once

#include <optional>

#include "advise/why.h"
#include "base/os/system_load.h"
#include "cli/model_session.h"
#include "engine/request.h"

namespace vivace {

/// Watches what the machine does from its making on.
class RunWatch {
 public:
  RunWatch() : before_(read_system_load()) {}

  /// The facts of what ran since, which decoded at `rate` tokens per second.
  RunFacts facts(const ModelSession& session, Context& context, double rate, int32_t tokens, int32_t depth,
                 int32_t streams) const;

  /// Keeps the facts of an answer, where it was long enough to tell. Never throws: a run is worth more than its record.
  void keep(const ModelSession& session, Context& context, const Finished& finished) const noexcept;
  void keep(Context& context, const RunFacts& facts) const noexcept;

 private:
  SystemLoad before_;
};

/// What keep() kept; nothing where nothing ran yet. Throws Error kInvalidFile, kIo.
std::optional<RunFacts> last_run(const Environment& environment);

}  // namespace vivace
