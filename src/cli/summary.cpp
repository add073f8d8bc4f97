#include "cli/summary.h"

#include "base/json.h"
#include "cli/plan_report.h"
#include "cli/sampling_options.h"
#include "cli/text_format.h"

namespace vivace {

std::string settings_summary(const Console& console, const ModelSession& session, const SamplingOptions& sampling,
                             bool reasons) {
  TextTable table({TextTable::Align::kLeft, TextTable::Align::kLeft});
  for (auto& [label, text] : plan_lines(session.card(), session.plan(), session.source->devices(), reasons)) {
    table.add({label, text});
  }
  table.add({"sampling", sampling_text(sampling)});
  return console.faint(table.text());
}

std::string load_summary(const Console& console, const ModelSession& session) {
  return console.faint("loaded in " + seconds_text(session.source->model().load_seconds) + "\n");
}

Json answer_json(const TimedAnswer& answer) {
  const Finished& finished = answer.finished;
  const Timings& timings = finished.timings;
  return {{"finish_reason", finish_reason_name(finished.reason)},
          {"stop_string", finished.stop_string},
          {"usage",
           {{"prompt_tokens", finished.usage.prompt_tokens},
            {"cached_tokens", finished.usage.cached_tokens},
            {"generated_tokens", finished.usage.generated_tokens}}},
          {"timings",
           {{"first_token_seconds", answer.first_token_seconds},
            {"queue_seconds", timings.queue_seconds},
            {"prefill_seconds", timings.prefill_seconds},
            {"decode_seconds", timings.decode_seconds},
            {"prefill_tokens_per_second", timings.prefill_rate},
            {"decode_tokens_per_second", timings.decode_rate}}}};
}

}  // namespace vivace
