#include "advise/plan_page.h"

#include <algorithm>

#include "advise/forecast_text.h"
#include "advise/html_page.h"
#include "advise/plan_json.h"
#include "advise/plan_sweep.h"
#include "advise/svg_plot.h"
#include "base/error.h"
#include "base/number_text.h"

namespace vivace {
namespace {

std::string row(const std::string& label, const std::string& value, const std::string& note = "") {
  return "<tr><th>" + html_text(label) + "</th><td class=\"n\">" + html_text(value) + "</td><td>" + html_text(note) +
         "</td></tr>";
}

std::string memory_plot(const Plan& plan) {
  constexpr double kGibibyte = double(1 << 30);
  std::vector<StackBar> bars;
  for (const MemoryLedger& ledger : plan.ledgers) {
    if (ledger.total() == 0) continue;
    bars.push_back({ledger.device,
                    {{"weights", double(ledger.weights) / kGibibyte},
                     {"KV cache", double(ledger.kv) / kGibibyte},
                     {"activations", double(ledger.activations) / kGibibyte}},
                    double(ledger.usable) / kGibibyte});
  }
  return stacked_bars(bars, "GiB", "usable");
}

std::string speed_table(const Forecast& forecast) {
  std::string table = "<table>";
  table += row("Prefill", rate_text(forecast.prefill_tokens_per_second),
               "a prompt of " + std::to_string(forecast.prompt) + " tokens");
  table += row("First token", fixed_text(forecast.time_to_first_token, 2) + " s", "after that prompt");
  for (const DecodeForecast& point : forecast.decode) {
    table += row("Decode", rate_text(point.tokens_per_second), decode_case_text(point));
  }
  return table + "</table>";
}

/// The sweep's section, empty where the lever means nothing here.
std::string sweep_section(const ModelCard& card, const AnswerContext& context, const HostFacts& host,
                          const Wishes& wishes, const ForecastOptions& options, std::string_view lever,
                          const std::string& title, const std::string& x_title, double marked) {
  PlanSweep sweep;
  try {
    sweep = sweep_plan(card, context.devices, host, wishes, options, lever);
  } catch (const Error&) {
    return "";  // no GPU here, or nothing of it fits
  }
  LinePlot plot;
  plot.x_title = x_title;
  plot.y_title = "decode, tokens/s";
  plot.logarithmic_x = lever != "gpu-layers" && lever != "threads";
  plot.marked_x = marked;
  std::string refused;
  for (const PlanSweepPoint& point : sweep.points) {
    if (point.refusal.empty()) {
      plot.points.push_back({double(point.value), point.decode_tokens_per_second});
    } else if (refused.empty()) {
      refused = "<p class=\"sub\">From " + std::to_string(point.value) + " on it does not fit.</p>";
    }
  }
  const std::string svg = line_plot(plot);
  return svg.empty() ? "" : "<h2>" + html_text(title) + "</h2>" + svg + refused;
}

}  // namespace

std::string plan_page(const ModelCard& card, const PlanAnswer& answer, const AnswerContext& context,
                      const HostFacts& host, const Wishes& wishes, const ForecastOptions& options) {
  const Plan& plan = answer.plan;
  std::string page;
  if (!answer.fits) {
    page += "<div class=\"warn\"><b>This does not fit as wished.</b> " + html_text(answer.refusal) +
            ". The plan below changes:<ul>";
    for (const std::string& change : answer.changes) page += "<li>" + html_text(change) + "</li>";
    page += "</ul></div>";
  }
  page += "<h2>Settings</h2><table>";
  page += row("Context", std::to_string(plan.context_length) + " tokens",
              "trained for " + std::to_string(card.context_length));
  page += row("KV cache", kv_type_name(plan.kv_format), plan.placement.kv_in_host ? "in host memory" : "");
  page += row("Batch", std::to_string(plan.limits.tokens) + " tokens");
  page += row("Parallel", std::to_string(plan.parallel));
  page += row("Threads", std::to_string(plan.threads), std::to_string(plan.threads_prefill) + " to read the prompt");
  for (size_t d = 0; d < context.devices.size(); ++d) {
    if (layers_on(plan, d) == 0) continue;
    page += row(context.devices[d]->info().id, std::to_string(layers_on(plan, d)) + " layers",
                context.devices[d]->info().name);
  }
  page += "</table><h2>Memory</h2>" + memory_plot(plan);
  if (answer.forecast) page += "<h2>Speed</h2>" + speed_table(*answer.forecast);
  const auto section = [&](std::string_view lever, const std::string& title, const std::string& x_title,
                           double marked) {
    page += sweep_section(card, context, host, wishes, options, lever, title, x_title, marked);
  };
  section("gpu-layers", "Speed against layers on the GPU", "layers on the GPU", gpu_layers_of(plan, context.devices));
  section("context-length", "Speed where the context is full", "context length, tokens", plan.context_length);
  section("parallel", "Speed of all answers together", "answers at once", plan.parallel);
  page += "<h2>Why</h2><ul>";
  for (const std::string& reason : plan.reasons) page += "<li>" + html_text(reason) + "</li>";
  for (const std::string& reason : speed_reasons(card, answer, context)) page += "<li>" + html_text(reason) + "</li>";
  const std::string basis = context.basis == "measured"    ? "by what was measured on this machine"
                            : context.basis == "catalogue" ? "by the catalogue"
                                                           : "roughly estimated";
  return html_page(context.model, card.file_type + " on " + context.hardware + "; speed " + basis, page + "</ul>");
}

}  // namespace vivace
