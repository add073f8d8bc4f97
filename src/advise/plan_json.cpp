#include "advise/plan_json.h"

#include <algorithm>

#include "base/ascii_case.h"
#include "base/json.h"

namespace vivace {

std::string kv_type_name(Format format) { return ascii_lower(format_row(format).name); }

int32_t layers_on(const Plan& plan, size_t device) {
  const auto& layers = plan.placement.layers;
  return static_cast<int32_t>(std::count(layers.begin(), layers.end(), static_cast<int32_t>(device)));
}

bool is_used(const Plan& plan, size_t device) { return plan.placement.uses(static_cast<int32_t>(device)); }

Json plan_json(const Plan& plan, std::span<Device* const> devices) {
  Json memory = Json::array();
  Json placement = Json::array(), layer_devices = Json::array();
  for (int32_t device : plan.placement.layers) layer_devices.push_back(devices[size_t(device)]->info().id);
  for (size_t d = 0; d < plan.ledgers.size(); ++d) {
    const MemoryLedger& ledger = plan.ledgers[d];
    if (!is_used(plan, d) && ledger.total() == 0) continue;
    memory.push_back({{"device", ledger.device},
                      {"weights_bytes", ledger.weights},
                      {"mapped_bytes", ledger.mapped},
                      {"kv_bytes", ledger.kv},
                      {"activation_bytes", ledger.activations},
                      {"total_bytes", ledger.total()},
                      {"usable_bytes", ledger.usable}});
    if (!is_used(plan, d)) continue;
    const DeviceInfo& info = devices[d]->info();
    placement.push_back({{"device", info.id},
                         {"name", info.name},
                         {"isa", info.isa},
                         {"layers", layers_on(plan, d)},
                         {"embedding", plan.placement.embedding == static_cast<int32_t>(d)},
                         {"output", plan.placement.output == static_cast<int32_t>(d)}});
  }
  return {{"context_length", plan.context_length},
          {"kv_type", kv_type_name(plan.kv_format)},
          {"batch_size", plan.limits.tokens},
          {"parallel", plan.parallel},
          {"threads", plan.threads},
          {"threads_prefill", plan.threads_prefill},
          {"gpu_layers", gpu_layers_of(plan, devices)},
          {"cpu_ffn", cpu_ffn_of(plan, devices)},
          {"kv_in_host_memory", plan.placement.kv_in_host},
          {"placement", placement},
          {"layer_devices", layer_devices},
          {"memory", memory},
          {"reasons", plan.reasons}};
}

}  // namespace vivace
