// The last run, kept so that vivace why can say how its time went.
#pragma once

#include <optional>

#include "advise/predict_run.h"
#include "advise/why.h"
#include "base/os/system_load.h"
#include "cli/model_session.h"
#include "engine/request.h"

namespace vivace {

/// Watches the runs of one session.
class RunRecorder {
 public:
  RunRecorder(const ModelSession& session, Context& context) : session_(session), context_(context) {}

  /// What the machine does counts from here on.
  void begin() { before_ = read_system_load(); }

  /// The facts of what ran since, which decoded at `rate` tokens per second.
  RunFacts facts(double rate, const RunShape& decode);

  /// Keeps the facts. Never throws: a run is worth more than its record.
  void keep(double rate, const RunShape& decode) noexcept;
  /// Of an answer, where it was long enough to tell.
  void keep(const Finished& finished) noexcept;

  /// The machine with its stored speeds, read when first asked for.
  const HostFacts& host();

 private:
  const ModelSession& session_;
  Context& context_;
  std::optional<HostFacts> host_;
  SystemLoad before_;
};

/// What keep() kept; nothing where nothing ran yet. Throws Error kInvalidFile, kIo.
std::optional<RunFacts> last_run(const Environment& environment);

}  // namespace vivace
