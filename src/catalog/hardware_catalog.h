// Machines one may not own, by the names of their parts: devices to plan with and their speed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "device/device.h"
#include "plan/cost/device_speed.h"
#include "plan/plan.h"

namespace vivace {

struct HardwareRow {
  std::string name;
  std::string backend;  // "cuda", "rocm", "vulkan", "metal", "cpu"
  double memory_bytes = 0;
  double bytes_per_second = 0;  // of memory, rated
  double macs_per_second = 0;   // of the faster of f16 and int8; 0: no source says
  bool unified = false;
  double link = 0;    // bytes/s, as a link of that kind reaches; 0: none
  int32_t cores = 0;  // of a processor
  std::string note;
};

/// What of the rated limits a backend reaches: seconds of a token = layers * layer_seconds + bytes / (decode_share *
/// bandwidth).
struct BackendRow {
  std::string name;
  double decode_share = 0;
  double layer_seconds = 0;
  double prefill_share = 0;
};

struct HardwareCatalog {
  std::vector<HardwareRow> devices;
  std::vector<BackendRow> backends;
  HardwareRow host;  // around a card where nothing else is said

  /// The row of a name, however it is written; null where there is none.
  const HardwareRow* find(std::string_view name) const;
  const BackendRow& backend(std::string_view name) const;  // throws Error kInvalidFile where there is none
};

/// Reads text in the form of catalog/hardware.toml. Throws Error kInvalidFile naming row and field.
HardwareCatalog read_hardware_catalog(std::string_view text, const std::string& origin);

/// The catalogue that travels with the program.
const HardwareCatalog& hardware_catalog();

/// Bytes that macOS lets a GPU keep of so many that it shares: two thirds up to 36 GiB, three quarters of more.
double wired_limit(double memory_bytes);

/// A machine to plan with.
struct PaperMachine {
  std::string name;
  std::vector<std::unique_ptr<Device>> devices;  // the host first
  HostFacts host;                                // with the devices' speeds
  bool has_gpu = false;

  std::vector<Device*> device_pointers() const;
};

/// "rtx-4090", "2x rtx-4090", "epyc-9554 + rtx-4090": devices joined by "+", each perhaps with a count; a processor
/// among them is the host. Throws Error kNotFound with the nearest names.
PaperMachine make_paper_machine(const HardwareCatalog& catalog, std::string_view description);

}  // namespace vivace
