#include "cli/hardware_report.h"

#include <algorithm>
#include <map>

#include "backends/registry.h"
#include "base/error.h"
#include "base/json.h"
#include "base/os/memory.h"
#include "base/os/topology.h"
#include "cli/gpu_list.h"
#include "cli/text_format.h"
#include "engine/machine.h"
#include "quant/formats.h"

namespace vivace {
namespace {

// Kernel sets a build may have; the machine says which of them run.
constexpr const char* kKernelSets[] = {"avx512amx", "avx512bf16", "avx512vnni", "avx512", "avxvnni",
                                       "avx2",      "neoni8mm",   "neon",       "scalar"};

Json kernels_json(const Environment& environment) {
  Json available = Json::array();
  const auto isa_of = [](const std::string& wanted) {
    MachineOptions options;
    options.isa = wanted;
    options.threads = 1;
    options.gpus = false;
    return Machine(options).devices().front()->info().isa;
  };
  for (const char* name : kKernelSets) {
    try {
      available.push_back(isa_of(name));
    } catch (const Error&) {
      continue;  // another processor's
    }
  }
  return {{"in_use", isa_of(environment.isa)}, {"available", available}};
}

Json clusters_json(const CpuTopology& topology) {
  Json clusters = Json::array();
  for (const CoreCluster& cluster : topology.clusters) {
    clusters.push_back({{"name", cluster.name},
                        {"physical_cores", cluster.physical_cores},
                        {"max_mhz", cluster.max_khz / 1000},
                        {"cpus", cluster.cpus}});
  }
  return clusters;
}

// Equal caches are one entry with a count.
Json caches_json(const CpuTopology& topology) {
  std::map<std::tuple<int, int64_t, size_t>, int> counts;
  for (const CpuCache& cache : topology.caches) ++counts[{cache.level, cache.bytes, cache.cpus.size()}];
  Json caches = Json::array();
  for (const auto& [key, count] : counts) {
    caches.push_back({{"level", std::get<0>(key)},
                      {"bytes", std::get<1>(key)},
                      {"count", count},
                      {"logical_cpus_each", std::get<2>(key)}});
  }
  return caches;
}

Json memory_json() {
  const MemoryInfo memory = read_memory_info();
  return {{"total_bytes", memory.total},
          {"available_bytes", memory.available},
          {"limit_bytes", memory.limit ? Json(*memory.limit) : Json()},
          {"usable_total_bytes", memory.usable_total},
          {"usable_now_bytes", memory.usable_now}};
}

std::string cpu_text(const Json& cpu) {
  std::string text = std::to_string(cpu["physical_cores"].get<int>()) + " physical, " +
                     std::to_string(cpu["logical_cpus"].get<int>()) + " logical";
  if (cpu["logical_cpus"] != cpu["online_cpus"]) {
    text += " (of " + std::to_string(cpu["online_cpus"].get<int>()) + " online)";
  }
  if (!cpu["quota"].is_null()) text += ", limited to " + fixed_text(cpu["quota"].get<double>(), 2) + " CPUs of time";
  return text + ", " + std::to_string(cpu["useful_threads"].get<int>()) + " threads useful";
}

std::string bytes_of(const Json& value) { return bytes_text(value.get<uint64_t>()); }

std::string billions(const Json& rate) { return fixed_text(rate.get<double>() / 1e9, 1); }

Json device_json(Device& device, bool measure) {
  measure = measure && device.info().kind != DeviceKind::kSoftware;  // that is the CPU once more, and slow
  if (measure) device.measure();
  const DeviceInfo& info = device.info();
  Json json = {{"id", info.id},
               {"name", info.name},
               {"kind", device_kind_name(info.kind)},
               {"isa", info.isa},
               {"memory_usable_bytes", info.memory_usable},
               {"unified_memory", info.unified_memory},
               {"used_by_itself", info.kind == DeviceKind::kDiscreteGpu}};
  if (!measure) return json;
  json["measured"] = {{"memory_bytes_per_second", info.memory_bandwidth},
                      {"int8_macs_per_second", info.int8_rate},
                      {"f16_macs_per_second", info.f16_rate},
                      {"upload_bytes_per_second", info.link_up},
                      {"download_bytes_per_second", info.link_down},
                      {"launch_seconds", info.launch_seconds}};
  return json;
}

void add_device(TextTable& table, const Json& device) {
  const std::string id = device["id"].get<std::string>();
  if (device.contains("error")) {
    table.add({id, "can't be used: " + device["error"].get<std::string>()});
    return;
  }
  table.add({id, device["name"].get<std::string>() + ", " + device["kind"].get<std::string>() + ", " +
                     bytes_of(device["memory_usable_bytes"]) + " usable" +
                     (device["used_by_itself"].get<bool>() ? "" : " (used when asked: --device " + id + ")")});
  if (!device.contains("measured")) return;
  const Json& measured = device["measured"];
  table.add({"  memory read", billions(measured["memory_bytes_per_second"]) + " GB/s"});
  table.add({"  multiply-adds", "int8 " + billions(measured["int8_macs_per_second"]) + " G/s, f16 " +
                                    billions(measured["f16_macs_per_second"]) + " G/s"});
  table.add({"  link", billions(measured["upload_bytes_per_second"]) + " GB/s up, " +
                           billions(measured["download_bytes_per_second"]) + " GB/s down; a step starts in " +
                           fixed_text(measured["launch_seconds"].get<double>() * 1e6, 0) + " us"});
}

/// Of a measured CPU what a few common formats reach: gigabytes read by one token, multiply-adds of a long prompt.
void add_speed(TextTable& table, const Json& speed) {
  const std::string device = speed["device"].get<std::string>();
  table.add({device + " measured", "kept for vivace plan"});
  for (const char* name : {"F16", "Q8_0", "Q6_K", "Q4_K", "Q4_0"}) {
    for (const Json& format : speed["products"]) {
      if (format["format"] != name || device != "cpu") continue;
      const Json& points = format["points"];
      const FormatRow& row = *find_format(std::string_view(name));
      const double bytes = points.front()["memory_macs_per_second"].get<double>() * row.block_bytes / row.block_columns;
      table.add({"  " + std::string(name), fixed_text(bytes / 1e9, 1) + " GB/s for one token, " +
                                               billions(points.back()["memory_macs_per_second"]) +
                                               " G multiply-adds/s for a prompt"});
    }
  }
}

}  // namespace

Json hardware_json(const Environment& environment) {
  const CpuTopology topology = read_topology();
  Json nodes = Json::array();
  for (const NumaNode& node : topology.numa_nodes) {
    nodes.push_back({{"id", node.id}, {"memory_bytes", node.memory_bytes}, {"cpus", node.cpus}});
  }
  Json gpus = Json::array();
  for (const GpuFact& gpu : list_gpus()) {
    gpus.push_back({{"name", gpu.name},
                    {"driver", gpu.driver},
                    {"bus", gpu.bus},
                    {"memory_bytes", gpu.memory_bytes > 0 ? Json(gpu.memory_bytes) : Json()}});
  }
  return {{"cpu",
           {{"name", topology.model_name},
            {"physical_cores", topology.physical_cores},
            {"logical_cpus", topology.cpus.size()},
            {"online_cpus", topology.online_cpus},
            {"quota", topology.quota ? Json(*topology.quota) : Json()},
            {"useful_threads", topology.useful_threads()},
            {"clusters", clusters_json(topology)},
            {"caches", caches_json(topology)},
            {"isa", kernels_json(environment)}}},
          {"memory", memory_json()},
          {"numa_nodes", nodes},
          {"gpus", gpus}};
}

Json measured_json(const Environment& environment, int threads) {
  constexpr size_t kMostBytes = size_t{1} << 30;
  ThreadPool pool(threads > 0 ? threads : read_topology().useful_threads());
  const size_t bytes = std::min(kMostBytes, size_t(read_memory_info().usable_now) / 4);
  DeviceOptions options;
  options.isa = environment.isa;
  const CpuLimits limits = measure_cpu(options, pool, bytes);
  return {{"threads", pool.size()},
          {"stream_bytes_per_second",
           {{"normal_pages", limits.stream_normal_pages}, {"large_pages", limits.stream_large_pages}}},
          {"int8_macs_per_second", limits.int8_macs}};
}

Json devices_json(const Environment& environment, bool measure, std::vector<DeviceInfo>& measured) {
  ThreadPool pool(1);
  DeviceOptions options;
  options.pretence =
      parse_pretence(environment.pretend_devices, environment.device_memory, environment.fail_device_call);
  options.cache = app_paths(environment).cache;
  Json devices = Json::array();
  for (const std::string& name : gpu_names(options)) {
    try {
      const std::unique_ptr<Device> device = open_device(name, options, pool);
      devices.push_back(device_json(*device, measure));
      if (devices.back().contains("measured")) measured.push_back(device->info());
    } catch (const Error& error) {
      devices.push_back({{"id", name}, {"error", error.what()}});
    }
  }
  return devices;
}

std::string hardware_text(const Json& hardware) {
  TextTable table({TextTable::Align::kLeft, TextTable::Align::kLeft});
  const Json& cpu = hardware["cpu"];
  table.add({"processor", cpu["name"].get<std::string>()});
  table.add({"cores", cpu_text(cpu)});
  for (const Json& cluster : cpu["clusters"]) {
    if (cpu["clusters"].size() < 2) break;
    table.add({"  " + cluster["name"].get<std::string>(),
               std::to_string(cluster["physical_cores"].get<int>()) + " cores, up to " +
                   std::to_string(cluster["max_mhz"].get<int64_t>()) + " MHz"});
  }
  for (const Json& cache : cpu["caches"]) {
    table.add({"L" + std::to_string(cache["level"].get<int>()) + " cache",
               std::to_string(cache["count"].get<int>()) + " x " + bytes_of(cache["bytes"])});
  }
  std::string others;
  for (const Json& isa : cpu["isa"]["available"]) others += (others.empty() ? "" : ", ") + isa.get<std::string>();
  table.add({"kernels", cpu["isa"]["in_use"].get<std::string>() + " (available: " + others + ")"});
  const Json& memory = hardware["memory"];
  table.add({"memory", bytes_of(memory["total_bytes"]) + ", " + bytes_of(memory["available_bytes"]) + " available"});
  table.add({"limit", memory["limit_bytes"].is_null() ? "none" : bytes_of(memory["limit_bytes"]) + " (control group)"});
  table.add({"usable now", bytes_of(memory["usable_now_bytes"])});
  const Json& nodes = hardware["numa_nodes"];
  std::string numa = std::to_string(nodes.size()) + (nodes.size() == 1 ? " node" : " nodes");
  for (const Json& node : nodes) {
    if (nodes.size() > 1) numa += ", " + bytes_of(node["memory_bytes"]);
  }
  table.add({"NUMA", numa});
  for (const Json& gpu : hardware["gpus"]) {
    const std::string size = gpu["memory_bytes"].is_null() ? "" : ", " + bytes_of(gpu["memory_bytes"]);
    table.add({"GPU", gpu["name"].get<std::string>() + size});
  }
  if (hardware["gpus"].empty()) table.add({"GPU", "none found"});
  for (const Json& device : hardware.value("devices", Json::array())) add_device(table, device);
  if (hardware.contains("measured")) {
    const Json& measured = hardware["measured"];
    const Json& stream = measured["stream_bytes_per_second"];
    table.add({"memory read", billions(stream["normal_pages"]) + " GB/s, " + billions(stream["large_pages"]) +
                                  " GB/s on large pages (" + std::to_string(measured["threads"].get<int>()) +
                                  " threads)"});
    table.add({"int8", billions(measured["int8_macs_per_second"]) + " G multiply-adds/s"});
  }
  for (const Json& speed : hardware.value("speeds", Json::array())) add_speed(table, speed);
  return table.text();
}

}  // namespace vivace
