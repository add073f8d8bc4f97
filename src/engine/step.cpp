#include "engine/step.h"

#include <algorithm>

#include "base/error.h"

namespace vivace {

StepRunner::StepRunner(const LoadedModel& model) : model_(model), inputs_(model.plan.limits), kv_(model.plan.kv) {
  for (size_t g = 0; g < kv_.groups.size(); ++g) {
    const KvGroup& group = kv_.groups[g];
    const BufferUse use = group.in_host ? BufferUse::kKvHost : BufferUse::kKv;
    pools_.push_back(
        std::make_unique<PagePool>(*model.devices[group.device], group.page_bytes, model.plan.kv_pages[g], use));
  }
  for (KvLayer& layer : kv_.layers) layer.slabs = &pools_[layer.group]->slabs();
  decoder_ = std::make_unique<Decoder>(model.card, model.weights, kv_, model.plan.placement, model.devices, inputs_);
}

void StepRunner::run(std::span<const StepSequence> sequences, StepResult result) {
  const StepLimits& limits = inputs_.limits();
  int32_t row = 0, outputs = 0;
  bool single = true;
  if (int32_t(sequences.size()) > limits.sequences) throw Error(ErrorCode::kInternal, "too many sequences in a step");
  for (size_t s = 0; s < sequences.size(); ++s) {
    const StepSequence& sequence = sequences[s];
    const int32_t count = int32_t(sequence.tokens.size());
    if (row + count > limits.tokens || outputs + sequence.outputs > limits.outputs) {
      throw Error(ErrorCode::kInternal, "too many tokens or outputs in a step");
    }
    inputs_.sequence_begin()[s] = row;
    inputs_.sequence_tokens()[s] = count;
    for (int32_t i = 0; i < count; ++i) {
      inputs_.token_ids()[row + i] = sequence.tokens[i];
      inputs_.positions()[row + i] = sequence.first_position + i;
      inputs_.token_sequence()[row + i] = int32_t(s);
    }
    for (size_t g = 0; g < pools_.size(); ++g) {
      const std::vector<int32_t>& table = (*sequence.tables)[g];
      std::copy(table.begin(), table.end(), inputs_.page_table(int32_t(g), int32_t(s)));
    }
    for (int32_t i = count - sequence.outputs; i < count; ++i) inputs_.output_rows()[outputs++] = row + i;
    row += count;
    single = single && count == 1;
  }
  inputs_.tokens() = row;
  inputs_.sequences() = int32_t(sequences.size());
  inputs_.outputs() = outputs;
  decoder_->set_threads(single ? model_.plan.threads : model_.plan.threads_prefill);
  decoder_->forward(result);
}

bool StepRunner::grow(PageTables& tables, int32_t begin, int32_t end) {
  tables.resize(pools_.size());
  const int32_t pages = (end + kPageTokens - 1) / kPageTokens;
  for (size_t g = 0; g < pools_.size(); ++g) {
    std::vector<int32_t>& table = tables[g];
    const int32_t window = kv_.groups[g].window;
    const int32_t first = window == 0 ? 0 : std::max(0, begin - window + 1) / kPageTokens;
    for (int32_t p = std::min(first, int32_t(table.size())) - 1; p >= 0 && table[p] >= 0; --p) {
      pools_[g]->release(table[p]);
      table[p] = -1;
    }
    while (int32_t(table.size()) < pages) {
      const std::optional<int32_t> page = pools_[g]->allocate();
      if (!page) return false;
      table.push_back(*page);
    }
  }
  return true;
}

void StepRunner::release(PageTables& tables) {
  for (size_t g = 0; g < tables.size(); ++g) {
    for (int32_t page : tables[g]) {
      if (page >= 0) pools_[g]->release(page);
    }
  }
  tables.clear();
}

bool StepRunner::back_some() {
  return std::any_of(pools_.begin(), pools_.end(), [](const auto& pool) { return pool->back_some(); });
}

}  // namespace vivace
