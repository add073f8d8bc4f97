#include "cli/measurement.h"

#include <algorithm>

#include "base/json.h"
#include "cli/interrupt.h"
#include "cli/text_format.h"

namespace vivace {

Json measurement_json(const Measurement& m) {
  return {{"tokens", m.run.tokens},
          {"depth", m.run.depth},
          {"streams", m.run.streams},
          {"tokens_per_second",
           {{"median", m.rates.median}, {"mean", m.rates.mean}, {"min", m.rates.min}, {"max", m.rates.max}}}};
}

Json spread_json(const Spread& spread) {
  return {{"p50", spread.p50}, {"p95", spread.p95}, {"p99", spread.p99}, {"max", spread.max}};
}

std::vector<std::string> measurement_row(const Measurement& m) {
  std::string what = std::to_string(m.run.tokens) + " tokens";
  if (m.run.streams > 1) what = std::to_string(m.run.streams) + " x " + what;
  if (m.run.depth > 0) what += " at " + std::to_string(m.run.depth);
  return {m.name, what, fixed_text(m.rates.median, 1) + " tokens/s",
          "(" + fixed_text(m.rates.min, 1) + " to " + fixed_text(m.rates.max, 1) + ")"};
}

std::vector<std::string> measurement_cells(const Measurement& m, int digits) {
  return {m.name,
          std::to_string(m.run.tokens),
          std::to_string(m.run.depth),
          std::to_string(m.run.streams),
          fixed_text(m.rates.median, digits),
          fixed_text(m.rates.min, digits),
          fixed_text(m.rates.max, digits)};
}

int32_t Speeds::context_length() const { return prefill.run.depth + std::max(prefill.run.tokens, decode.run.tokens); }

void Speeds::measure(ModelSource& source) {
  StepRunner& runner = source.runner();
  prefill.run.step = runner.limits().tokens;
  for (Measurement* m : {&prefill, &decode}) {
    m->rates = measure_speed(runner, source.card(), m->run, repeat, throw_if_interrupted);
  }
}

}  // namespace vivace
