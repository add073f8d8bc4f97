#include "advise/plan_page.h"

#include <algorithm>

#include "advise/forecast_text.h"
#include "advise/plan_json.h"
#include "advise/plan_sweep.h"
#include "advise/svg_plot.h"
#include "base/error.h"
#include "base/number_text.h"

namespace vivace {
namespace {

constexpr const char* kStyle =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1d2530;"
    "background:#fff}h1{font-size:1.6rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin-top:2.2rem}"
    ".sub{color:#5b6675;margin-top:0}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem "
    ".8rem .3rem 0;border-bottom:1px solid #e3e7ec}td.n,th.n{text-align:right}svg{width:100%;height:auto}"
    "svg text{font:12px system-ui,sans-serif;fill:#1d2530}svg .small{font-size:11px;fill:#5b6675}"
    ".grid{stroke:#e3e7ec}.limit{stroke:#c0392b;stroke-width:2}.curve{fill:none;stroke:#2f6fd0;stroke-width:2}"
    ".dot{fill:#2f6fd0}.marked{fill:#e07b1f;stroke:#fff;stroke-width:2}.part0{fill:#2f6fd0}.part1{fill:#e0a21f}"
    ".part2{fill:#4aa36b}.warn{border-left:4px solid #c0392b;padding:.4rem .9rem;background:#fdf1ef}"
    "@media(prefers-color-scheme:dark){body{background:#14181d;color:#e4e9ef}.sub,svg .small{color:#9aa6b4;"
    "fill:#9aa6b4}svg text{fill:#e4e9ef}td,th{border-color:#2b333d}.grid{stroke:#2b333d}.warn{background:#2a1b19}}";

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
  return stacked_bars(bars, "GiB");
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
  std::string page =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>" +
      html_text(context.model) + " on " + html_text(context.hardware) + "</title><style>" + kStyle +
      "</style></head><body>";
  page += "<h1>" + html_text(context.model) + "</h1><p class=\"sub\">" + html_text(card.file_type) + " on " +
          html_text(context.hardware) + "; speed " +
          (context.basis == "measured"    ? "by what was measured on this machine"
           : context.basis == "catalogue" ? "by the catalogue"
                                          : "roughly estimated") +
          "</p>";
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
  return page + "</ul></body></html>\n";
}

}  // namespace vivace
