#include "cli/model_session.h"

#include "advise/local_machine.h"
#include "cli/interrupt.h"
#include "cli/load_options.h"
#include "cli/progress_bar.h"

namespace vivace {
namespace {

void tell(Context& context, const std::string& note) {
  context.console.err("note: " + note + "\n");
  context.log.warn("device", {{"note", note}});
}

}  // namespace

HostFacts host_with_speeds(const Machine& machine, Context& context) {
  HostFacts host = machine.host();
  host.speeds = stored_speeds(app_paths(context.environment).data, machine.devices(), VIVACE_VERSION,
                              [&context](const std::string& note) { tell(context, note); });
  return host;
}

ModelSession plan_session(GgufFile file, const std::filesystem::path& path, const Arguments& arguments,
                          Context& context, const std::function<void(const ModelCard& card, Wishes& wishes)>& adjust) {
  ModelCard card = read_model_card(file);
  auto machine = std::make_unique<Machine>(machine_options(arguments, context.environment));
  for (const std::string& note : machine->notes()) tell(context, note);
  Wishes wishes = load_wishes(arguments);
  if (adjust) adjust(card, wishes);
  // One device holds everything: there is nothing to place by speed, and nothing to read at every start.
  const HostFacts host = machine->devices().size() > 1 ? host_with_speeds(*machine, context) : machine->host();
  auto source =
      std::make_unique<ModelSource>(std::move(file), std::move(card), machine->devices(), host, machine->pool(),
                                    std::move(wishes), [&context](const std::string& note) { tell(context, note); });
  ModelSession session{path, std::move(machine), std::move(source)};
  for (const std::string& reason : session.plan().reasons) context.log.debug("plan", {{"reason", reason}});
  return session;
}

void load_session(ModelSession& session, Context& context) {
  ProgressBar bar(context.console, "loading");
  const auto progress = [&](size_t done, size_t total) {
    bar.update(done, total);
    return !interrupted();
  };
  session.source->load(progress);
  context.log.info("model loaded",
                   {{"path", session.path.string()}, {"seconds", session.source->model().load_seconds}});
}

}  // namespace vivace
