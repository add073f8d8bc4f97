#include "catalog/hardware_catalog.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "catalog/catalog_data.h"
#include "catalog/toml_text.h"
#include "plan/paper_device.h"

namespace vivace {
namespace {

constexpr double kGibibyte = double(1 << 30);

/// "pcie4 x16" in bytes per second: what copies reach, four fifths of the lanes' rate.
double link_rate(const std::string& link, const std::string& origin) {
  if (link.empty()) return 0;
  int generation = 0, lanes = 0;
  const size_t x = link.find(" x");
  if (link.starts_with("pcie") && x != std::string::npos) {
    std::from_chars(link.data() + 4, link.data() + x, generation);
    std::from_chars(link.data() + x + 2, link.data() + link.size(), lanes);
  }
  if (generation < 1 || generation > 7 || lanes < 1 || lanes > 32) {
    throw Error(ErrorCode::kInvalidFile, origin + ": link must be as in \"pcie4 x16\", not \"" + link + "\"");
  }
  constexpr double kReached = 0.8, kThirdGeneration = 0.985e9;  // a lane's bytes per second
  return kReached * kThirdGeneration * std::pow(2.0, generation - 3) * lanes;
}

HardwareRow read_row(const Json& table, const std::string& origin, bool is_host) {
  const CatalogRow row(table, origin);
  HardwareRow hardware;
  hardware.name = row.text("name");
  hardware.backend = is_host ? "cpu" : row.text("backend");
  hardware.memory_bytes = row.number("memory_gib") * kGibibyte;
  hardware.bytes_per_second = row.number("bandwidth_gb_s") * 1e9;
  hardware.macs_per_second = std::max(row.number("fp16_tflops", 0), row.number("int8_tops", 0)) * 1e12 / 2;
  hardware.unified = row.flag("unified");
  hardware.link = link_rate(row.text("link", ""), origin + " \"" + hardware.name + "\"");
  hardware.cores = hardware.backend == "cpu" ? row.whole("cores") : row.whole("cores", 0);
  hardware.note = row.text("note", "");
  row.check_all_used();
  if (hardware.bytes_per_second <= 0 || hardware.memory_bytes <= 0) {
    throw Error(ErrorCode::kInvalidFile,
                origin + " \"" + hardware.name + "\": memory_gib and bandwidth_gb_s must be positive");
  }
  return hardware;
}

struct Part {
  int32_t count = 1;
  const HardwareRow* row = nullptr;
};

size_t common_prefix(std::string_view a, std::string_view b) {
  return size_t(std::mismatch(a.begin(), a.begin() + std::ptrdiff_t(std::min(a.size(), b.size())), b.begin()).first -
                a.begin());
}

/// Names the devices that begin like the one asked for.
[[noreturn]] void unknown(const HardwareCatalog& catalog, const std::string& key) {
  size_t longest = 3;
  for (const HardwareRow& row : catalog.devices) longest = std::max(longest, common_prefix(catalog_key(row.name), key));
  std::string near;
  for (const HardwareRow& row : catalog.devices) {
    const std::string name = catalog_key(row.name);
    if (common_prefix(name, key) == longest) near += (near.empty() ? "" : ", ") + name;
  }
  throw Error(ErrorCode::kNotFound, "the catalogue has no hardware '" + key + "'",
              near.empty() ? "vivace catalog hardware lists what it has" : "it has " + near);
}

std::vector<Part> parse_parts(const HardwareCatalog& catalog, std::string_view text) {
  std::vector<Part> parts;
  while (true) {
    const size_t plus = text.find('+');
    std::string key = catalog_key(text.substr(0, plus));
    Part part;
    // "2x-rtx-4090"
    const size_t x = key.find("x-");
    if (x != std::string::npos && x > 0 && x <= 2 && key.find_first_not_of("0123456789") == x) {
      std::from_chars(key.data(), key.data() + x, part.count);
      key.erase(0, x + 2);
    }
    part.row = catalog.find(key);
    if (part.row == nullptr) unknown(catalog, key);
    if (part.count < 1 || part.count > 64) {
      throw Error(ErrorCode::kInvalidArgument, "--hardware takes 1 to 64 of a device");
    }
    parts.push_back(part);
    if (plus == std::string_view::npos) return parts;
    text.remove_prefix(plus + 1);
  }
}

SpeedFacts facts_of(const HardwareCatalog& catalog, const HardwareRow& row, double count) {
  const BackendRow& backend = catalog.backend(row.backend);
  SpeedFacts facts;
  facts.bytes_per_second = row.bytes_per_second * count;
  facts.macs_per_second = row.macs_per_second * count;
  facts.decode_share = backend.decode_share;
  facts.prefill_share = backend.prefill_share;
  facts.layer_seconds = backend.layer_seconds;
  facts.link = row.link;
  return facts;
}

class MachineMaker {
 public:
  MachineMaker(const HardwareCatalog& catalog, PaperMachine& machine) : catalog_(catalog), machine_(machine) {}

  void add_host(const HardwareRow& row, int32_t count, double memory) {
    DeviceInfo info;
    info.id = "cpu";
    info.name = (count > 1 ? std::to_string(count) + "x " : "") + row.name;
    info.threads = row.cores * count;
    info.memory_usable = size_t(memory);
    add(info, speed_of_facts("cpu", facts_of(catalog_, row, count)));
    DeviceSpeed& speed = machine_.host.speeds.back();
    speed.threads = info.threads;
    // Few cores fill the memory's bandwidth; computing takes them all.
    for (int32_t t = 1;; t = std::min(t * 2, info.threads)) {
      const double share = std::min(1.0, t / std::max(1.0, info.threads * 0.5));
      speed.thread_points.push_back({t, speed.bytes_per_second * share, double(t)});
      if (t >= info.threads) break;
    }
    machine_.host.physical_cores = machine_.host.logical_cores = info.threads;
  }

  void add_gpu(const HardwareRow& row) {
    const std::string backend = row.backend == "rocm" ? "hip" : row.backend;
    DeviceInfo info;
    info.id = backend + std::to_string(gpus_++);
    info.name = row.name;
    info.kind = row.unified ? DeviceKind::kIntegratedGpu : DeviceKind::kDiscreteGpu;
    info.unified_memory = row.unified;
    info.memory_usable = size_t(row.unified ? wired_limit(row.memory_bytes) : usable(row.memory_bytes));
    add(info, speed_of_facts(info.id, facts_of(catalog_, row, 1)));
    machine_.has_gpu = true;
  }

  /// A card's memory without what driver and desktop keep.
  static double usable(double memory) { return memory - std::max(0.4 * kGibibyte, memory * 0.03); }

 private:
  void add(DeviceInfo info, DeviceSpeed speed) {
    machine_.devices.push_back(make_paper_device({std::move(info), 0}));
    machine_.host.speeds.push_back(std::move(speed));
  }

  const HardwareCatalog& catalog_;
  PaperMachine& machine_;
  int gpus_ = 0;
};

}  // namespace

double wired_limit(double memory) { return memory * (memory <= 36 * kGibibyte ? 2.0 / 3 : 0.75); }

const HardwareRow* HardwareCatalog::find(std::string_view name) const {
  const std::string key = catalog_key(name);
  for (const HardwareRow& row : devices) {
    if (catalog_key(row.name) == key) return &row;
  }
  for (const HardwareRow& row : devices) {  // "m3-max-40c"
    const std::string full = catalog_key(row.name);
    if (full.starts_with("apple-") && full.substr(6) == key) return &row;
  }
  return nullptr;
}

const BackendRow& HardwareCatalog::backend(std::string_view name) const {
  for (const BackendRow& row : backends) {
    if (row.name == name) return row;
  }
  throw Error(ErrorCode::kInvalidFile, "the hardware catalogue has no [backend." + std::string(name) + "]");
}

HardwareCatalog read_hardware_catalog(std::string_view text, const std::string& origin) {
  const Json toml = parse_toml(text, origin);
  for (const char* part : {"host", "backend", "device"}) {
    if (!toml.contains(part)) throw Error(ErrorCode::kInvalidFile, origin + " has no " + part + " table");
  }
  HardwareCatalog catalog;
  catalog.host = read_row(toml["host"], origin + ": host", true);
  for (const auto& [name, table] : toml["backend"].items()) {
    const CatalogRow row(table, origin + ": backend." + name);
    catalog.backends.push_back(
        {name, row.number("decode_share"), row.number("layer_seconds"), row.number("prefill_share")});
    row.check_all_used();
    if (catalog.backends.back().decode_share <= 0 || catalog.backends.back().prefill_share <= 0) {
      throw Error(ErrorCode::kInvalidFile, origin + ": backend." + name + ": shares must be positive");
    }
  }
  for (const Json& table : toml["device"]) {
    catalog.devices.push_back(read_row(table, origin, false));
    catalog.backend(catalog.devices.back().backend);
  }
  return catalog;
}

const HardwareCatalog& hardware_catalog() {
  static const HardwareCatalog catalog = read_hardware_catalog(hardware_text(), "catalog/hardware.toml");
  return catalog;
}

std::vector<Device*> PaperMachine::device_pointers() const {
  std::vector<Device*> pointers;
  for (const auto& device : devices) pointers.push_back(device.get());
  return pointers;
}

PaperMachine make_paper_machine(const HardwareCatalog& catalog, std::string_view description) {
  const std::vector<Part> parts = parse_parts(catalog, description);
  PaperMachine machine;
  MachineMaker maker(catalog, machine);
  const auto processor =
      std::find_if(parts.begin(), parts.end(), [](const Part& part) { return part.row->backend == "cpu"; });
  const HardwareRow* shared = nullptr;
  for (const Part& part : parts) {
    machine.name += (machine.name.empty() ? "" : " + ") +
                    (part.count > 1 ? std::to_string(part.count) + "x " : std::string()) + part.row->name;
    if (part.row->unified) shared = part.row;
  }
  if (processor != parts.end()) {
    maker.add_host(*processor->row, processor->count, processor->row->memory_bytes * processor->count - 2 * kGibibyte);
  } else if (shared != nullptr) {
    // One memory: what the GPU may not keep, less the system's own, is the processor's.
    HardwareRow host = catalog.host;
    host.name = shared->name + " (CPU)";
    host.bytes_per_second = shared->bytes_per_second / 2;  // its cores reach a part of the chip's bandwidth
    const double left = shared->memory_bytes - wired_limit(shared->memory_bytes) - 2 * kGibibyte;
    maker.add_host(host, 1, std::max(left, 0.5 * kGibibyte));
  } else {
    maker.add_host(catalog.host, 1, catalog.host.memory_bytes - 2 * kGibibyte);
  }
  for (const Part& part : parts) {
    for (int32_t i = 0; i < part.count && part.row->backend != "cpu"; ++i) maker.add_gpu(*part.row);
  }
  return machine;
}

}  // namespace vivace
