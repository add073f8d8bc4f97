#include "cli/model_session.h"

#include <algorithm>

#include "advise/local_machine.h"
#include "base/os/topology.h"
#include "cli/interrupt.h"
#include "cli/load_options.h"
#include "cli/progress_bar.h"
#include "cli/tuned.h"

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
                          Context& context, const std::function<void(const ModelCard& card, Wishes& wishes)>& adjust,
                          const SessionOptions& options) {
  ModelCard card = read_model_card(file);
  Wishes wishes = load_wishes(arguments);
  if (options.tuned) take_tuned(path, context, wishes);
  MachineOptions wanted = machine_options(arguments, context.environment);
  const int32_t threads = std::max({options.threads, wishes.threads.value_or(0), wishes.threads_prefill.value_or(0)});
  // An automatic pool is as large as the machine suggests, which may be less than was tuned or is to be tried.
  if (threads > wanted.threads && threads > read_topology().useful_threads()) wanted.threads = threads;
  auto machine = std::make_unique<Machine>(wanted);
  for (const std::string& note : machine->notes()) tell(context, note);
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
