#include "advise/run_facts.h"

#include <algorithm>
#include <set>

#include "advise/local_machine.h"
#include "plan/plan.h"

namespace vivace {
namespace {

/// Formats of matrices that the first device unpacks generically.
std::set<Format> generic_formats(const ModelCard& card, const Device& device, bool map_weights) {
  std::set<Format> formats;
  for (const TensorCard& tensor : card.tensors) {
    if (tensor_roles()[size_t(tensor.role)].shape == TensorShape::kVector) continue;
    const Layout layout = loaded_layout(tensor, device, map_weights);
    const KernelRow* row = find_kernel(device.info(), KernelOp::kMatmul, tensor.format->format, layout);
    if (row != nullptr && !row->native) formats.insert(tensor.format->format);
  }
  return formats;
}

/// The speeds, with these formats as fast as Q4_K is.
std::vector<DeviceSpeed> as_if_native(std::vector<DeviceSpeed> speeds, const std::set<Format>& formats) {
  for (DeviceSpeed& speed : speeds) {
    const auto usual = std::find_if(speed.formats.begin(), speed.formats.end(),
                                    [](const FormatSpeed& row) { return row.format == Format::kQ4_K; });
    if (usual == speed.formats.end()) continue;
    const std::vector<MatmulPoint> points = usual->points;
    for (FormatSpeed& row : speed.formats) {
      if (formats.count(row.format)) row.points = points;
    }
  }
  return speeds;
}

}  // namespace

void add_predictions(const ModelCard& card, const Plan& plan, std::span<Device* const> devices, HostFacts host,
                     const RunShape& shape, RunFacts& facts) {
  facts.by_measurement = !speeds_of(host, devices, plan.threads).empty();
  if (!facts.by_measurement) host.speeds = guessed_speeds(devices, host.physical_cores);
  const auto rate = [&](const Plan& with, const HostFacts& facts_of_host, const RunShape& of) {
    return predict_rates(card, with, devices, facts_of_host, {}, of).decode;
  };
  facts.predicted = rate(plan, host, shape);
  facts.threads = plan.threads;
  facts.automatic_threads = host.physical_cores;
  facts.depth = shape.depth + shape.tokens / 2;
  facts.layers = int32_t(card.layers.size());
  const int32_t on_gpus = gpu_layers_of(plan, devices);
  facts.gpu_layers = on_gpus - cpu_ffn_of(plan, devices);
  facts.mapped = plan.map_weights;

  Plan better = plan;
  better.threads = host.physical_cores;
  facts.better.threads = rate(better, host, shape);
  facts.better.depth = rate(plan, host, {shape.tokens, 0, shape.streams});
  if (on_gpus > 0 && facts.gpu_layers < facts.layers) {
    better = plan;
    const int32_t gpu = *std::max_element(plan.placement.layers.begin(), plan.placement.layers.end());
    std::fill(better.placement.layers.begin(), better.placement.layers.end(), gpu);
    better.placement.feed_forward.clear();
    better.placement.output = gpu;
    facts.better.spill = rate(better, host, shape);
  }
  const std::set<Format> generic = generic_formats(card, *devices[0], plan.map_weights);
  if (generic.empty()) return;
  for (const Format format : generic) {
    facts.generic_formats += (facts.generic_formats.empty() ? "" : ", ") + std::string(format_row(format).name);
  }
  HostFacts native = host;
  native.speeds = as_if_native(host.speeds, generic);
  facts.better.formats = rate(plan, native, shape);
}

}  // namespace vivace
