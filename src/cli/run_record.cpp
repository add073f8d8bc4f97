#include "cli/run_record.h"

#include <algorithm>
#include <exception>

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

const HostFacts& RunRecorder::host() {
  if (!host_) host_ = host_with_speeds(*session_.machine, context_);
  return *host_;
}

RunFacts RunRecorder::facts(double rate, const RunShape& decode) {
  const SystemLoad after = read_system_load();
  RunFacts facts;
  facts.model = session_.path.filename().string();
  facts.at = date_text();
  facts.measured = rate;
  add_predictions(session_.card(), session_.plan(), session_.source->devices(), host(), decode, facts);
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

void RunRecorder::keep(double rate, const RunShape& decode) noexcept {
  try {
    const std::string text = dump_json(facts_json(facts(rate, decode)), 2) + "\n";
    const std::filesystem::path path = file_of(context_.environment);
    std::filesystem::create_directories(path.parent_path());
    write_file_atomic(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  } catch (const std::exception& error) {
    context_.log.debug("run record", {{"error", error.what()}});
  }
}

void RunRecorder::keep(const Finished& finished) noexcept {
  const Usage& usage = finished.usage;
  if (usage.generated_tokens < kLeastTokens || finished.timings.decode_rate <= 0) return;
  keep(finished.timings.decode_rate, {usage.generated_tokens, usage.prompt_tokens, 1});
}

std::optional<RunFacts> last_run(const Environment& environment) {
  const std::filesystem::path path = file_of(environment);
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  return parse_facts_json(parse_json(read_text_file(path, kMostBytes)));
}

}  // namespace vivace
