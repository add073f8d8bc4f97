// What the device reaches, and what a model reaches on it.
#include <algorithm>

#include "bench/speed_runs.h"
#include "engine/model_source.h"
#include "gpu_check/checks.h"
#include "models/model_file.h"

namespace vivace::gpu_check {
namespace {

/// Bytes of weights that a token reads: all matrices but the rows of the embedding table that it does not look up.
double bytes_per_token(const ModelCard& card) {
  double bytes = 0;
  for (const TensorCard& tensor : card.tensors) {
    if (tensor.role == TensorRole::kTokenEmbedding && !card.tied_output) continue;
    bytes += double(tensor.file_bytes);
  }
  return bytes;
}

}  // namespace

void check_facts(const Setup& setup, Section& section) {
  const std::unique_ptr<Device> device = setup.open();
  device->measure();
  const DeviceInfo& info = device->info();
  section.add("usable memory, MiB", double(info.memory_usable) / double(1 << 20));
  section.add("memory read, GB/s", info.memory_bandwidth / 1e9);
  section.add("int8, T multiply-adds/s", info.int8_rate / 1e12);
  section.add("f16, T multiply-adds/s", info.f16_rate / 1e12);
  section.add("upload, GB/s", info.link_up / 1e9);
  section.add("download, GB/s", info.link_down / 1e9);
  section.add("launch, us", info.launch_seconds * 1e6);
  section.expect(info.memory_bandwidth > 0 && info.int8_rate > 0 && info.link_up > 0 && info.link_down > 0 &&
                     info.launch_seconds > 0,
                 "a fact was not measured");
}

void check_speed(const Setup& setup, Section& section) {
  std::error_code ignored;
  if (!std::filesystem::exists(setup.bench_model, ignored)) return section.skip("no --bench-model");
  DeviceOptions options;
  options.chosen = {setup.device};
  options.threads = setup.pool->size();
  const std::vector<std::unique_ptr<Device>> devices = open_devices(options, *setup.pool);
  std::vector<Device*> pointers;
  for (const auto& device : devices) pointers.push_back(device.get());
  devices[1]->measure();
  Wishes wishes;
  wishes.devices_named = true;
  wishes.context_length = 4096 + 256;
  wishes.parallel = 16;
  wishes.gpu_layers.emplace();
  wishes.gpu_layers->count = 1 << 20;
  GgufFile file = open_model_file(setup.bench_model);
  ModelCard card = read_model_card(file);
  ModelSource source(std::move(file), std::move(card), pointers, {setup.pool->size(), setup.pool->size(), {}},
                     *setup.pool, wishes);
  source.load();
  section.add("load, s", source.model().load_seconds);
  const int32_t step = source.runner().limits().tokens;
  const auto speed = [&](const char* name, const SpeedRun& run) {
    const double rate = measure_speed(source.runner(), source.card(), run, 3).median;
    section.add(name, rate);
    section.expect(rate > 0, std::string(name) + ": no speed");
    return rate;
  };
  const double one = speed("decode 128, t/s", {.tokens = 128});
  speed("decode 128 at 4096, t/s", {.tokens = 128, .depth = 4096});
  const double sixteen = speed("decode 128, 16 streams, t/s", {.tokens = 128, .streams = 16});
  speed("prefill 512, t/s", {.tokens = 512, .step = step});
  speed("prefill 4096, t/s", {.tokens = 4096, .step = step});
  section.add("16 streams / one", sixteen / one);
  section.add("share of the roof in decode",
              one * bytes_per_token(source.card()) / devices[1]->info().memory_bandwidth);
}

}  // namespace vivace::gpu_check
