#include "cli/summary.h"

#include "base/json.h"
#include "cli/plan_report.h"
#include "cli/sampling_options.h"
#include "cli/text_format.h"
#include "server/event_json.h"

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
  Json json = finished_json(answer.finished);
  json["timings"]["first_token_seconds"] = answer.first_token_seconds;
  return json;
}

}  // namespace vivace
