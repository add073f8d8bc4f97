#include "cli/plan_report.h"

#include <algorithm>

#include "advise/plan_json.h"
#include "cli/text_format.h"

namespace vivace {
namespace {

std::string ends_alone(const Plan& plan, size_t device) {
  const auto index = static_cast<int32_t>(device);
  return std::string(plan.placement.embedding == index ? ", embedding" : "") +
         (plan.placement.output == index ? ", output" : "");
}

/// What a device computes beside layers.
std::string ends_on(const Plan& plan, size_t device) {
  const Placement& placement = plan.placement;
  if (!placement.feed_forward.empty()) {
    const auto of = std::count(placement.feed_forward.begin(), placement.feed_forward.end(), int32_t(device));
    if (of != layers_on(plan, device)) return ", feed-forward of " + std::to_string(of) + ends_alone(plan, device);
  }
  if (placement.embedding == placement.output && layers_on(plan, device) == int32_t(placement.layers.size())) return "";
  return ends_alone(plan, device);
}

std::string model_line(const ModelCard& card) {
  std::string line = card.name.empty() ? card.architecture : printable_text(card.name, 60) + "  " + card.architecture;
  return line + ", " + printable_text(card.file_type, 20) + ", " +
         count_text(static_cast<uint64_t>(card.parameters())) + " parameters";
}

std::string memory_line(const MemoryLedger& ledger) {
  std::string line = "weights " + bytes_text(ledger.weights) +
                     (ledger.mapped == 0 ? "" : " (" + bytes_text(ledger.mapped) + " stay in the file)") +
                     " + KV cache " + bytes_text(ledger.kv) + " + activations " + bytes_text(ledger.activations) +
                     " = " + bytes_text(ledger.total());
  return ledger.usable == 0 ? line : line + " of " + bytes_text(ledger.usable);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> plan_lines(const ModelCard& card, const Plan& plan,
                                                            std::span<Device* const> devices, bool reasons) {
  std::vector<std::pair<std::string, std::string>> lines = {{"model", model_line(card)}};
  for (size_t d = 0; d < devices.size(); ++d) {
    if (!is_used(plan, d)) continue;
    const DeviceInfo& info = devices[d]->info();
    std::string text = info.id + ": " + info.name;
    if (!info.isa.empty()) text += " (" + info.isa + ")";
    lines.emplace_back("device", text + ", " + std::to_string(layers_on(plan, d)) + " of " +
                                     std::to_string(card.layers.size()) + " layers" + ends_on(plan, d));
  }
  lines.emplace_back("threads", std::to_string(plan.threads) + " to generate, " + std::to_string(plan.threads_prefill) +
                                    " to read the prompt");
  lines.emplace_back("context", std::to_string(plan.context_length) + " tokens (trained for " +
                                    std::to_string(card.context_length) + ")" +
                                    (plan.parallel > 1 ? ", " + std::to_string(plan.parallel) + " at once" : ""));
  const bool kv_in_host = plan.placement.kv_in_host && gpu_layers_of(plan, devices) > 0;
  lines.emplace_back("KV cache", kv_type_name(plan.kv_format) + (kv_in_host ? ", all of it in host memory" : ""));
  lines.emplace_back("batch", std::to_string(plan.limits.tokens) + " tokens");
  for (size_t d = 0; d < plan.ledgers.size(); ++d) {
    if (is_used(plan, d)) lines.emplace_back("memory", memory_line(plan.ledgers[d]));
  }
  if (reasons) {
    for (const std::string& reason : plan.reasons) lines.emplace_back("because", reason);
  }
  return lines;
}

}  // namespace vivace
