#include "cli/run_record.h"

#include <algorithm>
#include <exception>
#include <fstream>
#include <sstream>

#include "advise/run_facts.h"
#include "base/date.h"
#include "base/error.h"
#include "base/json.h"
#include "base/os/file.h"

namespace vivace {
namespace {

constexpr int32_t kLeastTokens = 8;  // that tell a speed
constexpr size_t kMostBytes = 1 << 20;

std::filesystem::path file_of(const Environment& environment) { return app_paths(environment).data / "last_run.json"; }

}  // namespace

RunFacts RunWatch::facts(const ModelSession& session, Context& context, double rate, int32_t tokens, int32_t depth,
                         int32_t streams) const {
  const SystemLoad after = read_system_load();
  RunFacts facts;
  facts.model = session.path.filename().string();
  facts.at = date_text();
  facts.measured = rate;
  add_predictions(session.card(), session.plan(), session.source->devices(),
                  host_with_speeds(*session.machine, context), {tokens, depth, streams}, facts);
  facts.wall = after.wall_seconds - before_.wall_seconds;
  facts.own_cpu = after.own_seconds - before_.own_seconds;
  facts.other_cpu = std::max(0.0, after.busy_seconds - before_.busy_seconds - facts.own_cpu);
  facts.stolen = after.stolen_seconds - before_.stolen_seconds;
  facts.cpus = after.cpus;
  facts.major_faults = after.major_faults - before_.major_faults;
  facts.disk_bytes = after.disk_bytes - before_.disk_bytes;
  facts.swapped_pages = after.swapped_pages - before_.swapped_pages;
  if (after.most_clock_khz > 0) facts.clock = double(after.clock_khz) / double(after.most_clock_khz);
  return facts;
}

void RunWatch::keep(const ModelSession& session, Context& context, const Finished& finished) const noexcept {
  try {
    const Usage& usage = finished.usage;
    if (usage.generated_tokens < kLeastTokens || finished.timings.decode_rate <= 0) return;
    keep(context,
         facts(session, context, finished.timings.decode_rate, usage.generated_tokens, usage.prompt_tokens, 1));
  } catch (const std::exception& error) {
    context.log.debug("run record", {{"error", error.what()}});
  }
}

void RunWatch::keep(Context& context, const RunFacts& facts) const noexcept {
  try {
    const std::filesystem::path path = file_of(context.environment);
    std::filesystem::create_directories(path.parent_path());
    const std::string text = dump_json(facts_json(facts), 2) + "\n";
    AtomicFile file(path);
    file.append({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    file.commit();
  } catch (const std::exception& error) {
    context.log.debug("run record", {{"error", error.what()}});
  }
}

std::optional<RunFacts> last_run(const Environment& environment) {
  const std::filesystem::path path = file_of(environment);
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  const File file = File::open(path);
  std::string text(std::min<uint64_t>(file.size_now(), kMostBytes), '\0');
  text.resize(file.pread_some(0, {reinterpret_cast<uint8_t*>(text.data()), text.size()}));
  return parse_facts_json(parse_json(text));
}

}  // namespace vivace
