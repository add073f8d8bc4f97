#include "cli/model_session.h"

#include "cli/interrupt.h"
#include "cli/load_options.h"
#include "cli/progress_bar.h"

namespace vivace {

ModelSession plan_session(GgufFile file, const std::filesystem::path& path, const Arguments& arguments,
                          Context& context, const std::function<void(const ModelCard& card, Wishes& wishes)>& adjust) {
  ModelCard card = read_model_card(file);
  auto machine = std::make_unique<Machine>(machine_options(arguments, context.environment));
  Wishes wishes = load_wishes(arguments);
  if (adjust) adjust(card, wishes);
  Plan plan = make_plan(card, machine->devices(), machine->host(), wishes);
  ModelSession session{std::move(file), path, std::move(card), std::move(machine), std::move(plan), nullptr};
  for (const std::string& reason : session.plan.reasons) context.log.debug("plan", {{"reason", reason}});
  return session;
}

void load_session(ModelSession& session, Context& context) {
  ProgressBar bar(context.console, "loading");
  const auto progress = [&](size_t done, size_t total) {
    bar.update(done, total);
    return !interrupted();
  };
  session.model = load_model(session.file, session.card, session.plan, session.machine->devices(),
                             session.machine->pool(), progress);
  context.log.info("model loaded", {{"path", session.path.string()}, {"seconds", session.model->load_seconds}});
}

}  // namespace vivace
