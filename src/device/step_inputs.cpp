#include "device/step_inputs.h"

namespace vivace {

StepInputs::StepInputs(const StepLimits& limits) : limits_(limits) {
  constexpr size_t kHeader = 16;  // tokens, sequences, outputs; the rest keeps the arrays on a cache line of their own
  size_t at = kHeader;
  auto place = [&at](size_t count) {
    const size_t begin = at;
    at += (count + 15) / 16 * 16;
    return begin;
  };
  token_ids_ = place(limits.tokens);
  positions_ = place(limits.tokens);
  token_sequence_ = place(limits.tokens);
  output_rows_ = place(limits.outputs);
  sequence_begin_ = place(limits.sequences);
  sequence_tokens_ = place(limits.sequences);
  page_tables_ = place(size_t(limits.kv_groups) * limits.sequences * limits.pages);
  block_.assign(at, 0);
}

}  // namespace vivace
