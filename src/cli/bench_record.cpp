#include "cli/bench_record.h"

#include "advise/bench_history.h"
#include "advise/local_machine.h"
#include "advise/plan_json.h"
#include "base/date.h"
#include "base/error.h"
#include "base/json.h"
#include "base/os/file.h"
#include "cli/console.h"
#include "cli/text_format.h"
#include "models/model_file.h"
#include "store/record_store.h"
#include "store/vivace_database.h"

namespace vivace {
namespace {

constexpr const char* kBenchRecord = "bench";
constexpr int32_t kMostRecords = 2000;
constexpr uint64_t kMostBytes = 16 << 20;

std::string run_text(const Json& measurement) {
  return std::to_string(measurement["tokens"].get<int64_t>()) + " at " +
         std::to_string(measurement["depth"].get<int64_t>()) + " x " +
         std::to_string(measurement["streams"].get<int64_t>());
}

/// What must be the same for speeds to be comparable.
std::string key_of(const ModelSession& session, const Json& result) {
  const Plan& plan = session.plan();
  return model_fingerprint(session.path) + "|" + machine_fingerprint() + "|prefill " + run_text(result["prefill"]) +
         "|decode " + run_text(result["decode"]) + "|threads " + std::to_string(plan.threads) + "," +
         std::to_string(plan.threads_prefill) + "|batch " + std::to_string(plan.limits.tokens) + "|kv " +
         kv_type_name(plan.kv_format) + "|gpu layers " +
         std::to_string(gpu_layers_of(plan, session.source->devices())) + (plan.map_weights ? "|mapped" : "");
}

Json read_result(const std::filesystem::path& path) { return parse_json(read_text_file(path, kMostBytes)); }

std::string change_text(const SpeedChange& change) { return signed_percent_text(change.ratio(), 1); }

}  // namespace

bool keep_benchmark(const ModelSession& session, const Json& result, Context& context) {
  const auto tell = [&context](const std::string& note) { context.console.err("note: " + note + "\n"); };
  try {
    RecordStore store(open_vivace_database(app_paths(context.environment).data, tell));
    const std::string key = key_of(session, result);
    std::vector<Json> earlier;
    for (const Record& record : store.newest(kBenchRecord, key, kMostRecords)) {
      earlier.push_back(parse_json(record.body));
    }
    store.add(kBenchRecord, key, date_text(), dump_json(result), kMostRecords);
    const std::vector<SpeedChange> slower = slower_than_record(earlier, result);
    for (const SpeedChange& change : slower) {
      tell(change.what + " is slower than this machine's own record for the model and these settings: " +
           fixed_text(change.after, 1) + " tokens/s, not " + fixed_text(change.before, 1) + " (" + change_text(change) +
           "); vivace why tells more");
    }
    return !slower.empty();
  } catch (const Error& error) {
    tell(std::string("the result is not kept: ") + error.what());
    return false;
  }
}

std::string comparison_text(const std::filesystem::path& before, const std::filesystem::path& after) {
  const std::vector<SpeedChange> changes = compare_benchmarks(read_result(before), read_result(after));
  if (changes.empty()) return "the two results have no measurement in common\n";
  using Align = TextTable::Align;
  TextTable table({Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kLeft});
  table.add({"tokens/s", before.filename().string(), after.filename().string(), "change", ""});
  for (const SpeedChange& change : changes) {
    table.add({change.what, fixed_text(change.before, 1), fixed_text(change.after, 1), change_text(change),
               change.beyond_noise ? "" : "(within the spread of the runs)"});
  }
  return table.text();
}

std::string markdown_text(const std::vector<std::vector<std::string>>& rows) {
  std::string text;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (const std::string& cell : rows[r]) text += "| " + cell + " ";
    text += "|\n";
    if (r == 0) {
      for (size_t c = 0; c < rows[0].size(); ++c) text += c == 0 ? "|---" : "|---:";
      text += "|\n";
    }
  }
  return text;
}

std::string csv_text(const std::vector<std::vector<std::string>>& rows) {
  std::string text;
  for (const auto& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) {
      const bool quoted = row[c].find_first_of(",\"\n") != std::string::npos;
      std::string cell = row[c];
      for (size_t at = 0; (at = cell.find('"', at)) != std::string::npos; at += 2) cell.insert(at, 1, '"');
      text += (c == 0 ? "" : ",") + (quoted ? "\"" + cell + "\"" : cell);
    }
    text += "\n";
  }
  return text;
}

}  // namespace vivace
