// The plan: every lever decided, every byte accounted for, before anything is loaded. Pure functions of the model card,
// the devices' facts and what the user wishes; no I/O.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "device/device.h"
#include "models/kv_layout.h"
#include "models/model_card.h"
#include "models/placement.h"
#include "plan/cost/device_speed.h"
#include "plan/layer_count.h"

namespace vivace {

/// What the user asked for; an empty value means auto.
struct Wishes {
  std::optional<int32_t> context_length;  // tokens per sequence
  std::optional<Format> kv_format;        // F32, F16, Q8_0, Q4_0
  std::optional<int32_t> batch_size;      // tokens of a step
  std::optional<int32_t> parallel;        // sequences decoded together
  std::optional<int32_t> threads;         // decode
  std::optional<int32_t> threads_prefill;
  std::optional<LayerCount> gpu_layers;
  std::optional<int32_t> tuned_gpu_layers;  // where gpu_layers is open: so many, or what fits of them
  int32_t most_gpu_layers = std::numeric_limits<int32_t>::max();  // more have failed
  bool devices_named = false;         // the user chose the GPUs: an automatic choice uses them, whatever their kind
  std::optional<LayerCount> cpu_ffn;  // of the layers on GPUs, the first ones: feed-forward in host memory, on the CPU
  std::vector<double> gpu_split;      // shares of the GPUs' layers, in device order; empty: by their memory
  bool kv_on_gpu = true;              // false: the KV cache of a GPU's layers lies in host memory
  std::vector<int32_t> layer_split;   // layers per device, in device order; wins over gpu_layers
  std::optional<int32_t> outputs;     // rows of logits in a step; auto: one per sequence
  bool map_weights = false;           // leave matrices in the mapped file
  // What auto begins with; memory may make it less.
  int32_t automatic_context = 4096;  // covers most chats
  int32_t automatic_batch = 512;
  int32_t automatic_parallel = 1;
  std::vector<std::string> notes;    // on where wishes come from: the first of the plan's reasons
  std::vector<std::string> without;  // passes that are left out, to see what they are for
};

/// Facts about the host that no device knows.
struct HostFacts {
  int32_t physical_cores = 1;  // usable ones: affinity and cgroup limits applied
  int32_t logical_cores = 1;
  std::vector<DeviceSpeed> speeds = {};  // of devices, by id, where they are known: placement is then chosen by speed
  size_t memory_usable = 0;  // bytes of host memory now, where read after the devices were opened; 0: as they say
};

/// What one device will hold, in bytes.
struct MemoryLedger {
  std::string device;
  size_t weights = 0;
  size_t mapped = 0;       // weights that stay in the model file: the system's cache, not counted in total()
  size_t kv = 0;           // of the host's ledger also what GPUs keep there
  size_t activations = 0;  // logits included
  size_t usable = 0;       // before the load; 0: unknown
  size_t total() const { return weights + kv + activations; }
};

struct Plan {
  int32_t context_length = 0;
  Format kv_format = Format::kF16;
  int32_t parallel = 1;
  int32_t threads = 1;
  int32_t threads_prefill = 1;
  bool map_weights = false;
  StepLimits limits;
  Placement placement;
  KvLayout kv;
  std::vector<int32_t> kv_pages;      // [kv groups] pages of each pool
  std::vector<MemoryLedger> ledgers;  // [devices]
  std::vector<std::string> reasons;   // one sentence per decision
};

/// Everything a pass may read and the plan it writes to.
struct PlanState {
  const ModelCard& card;
  std::span<Device* const> devices;
  const HostFacts& host;
  const Wishes& wishes;
  Plan& plan;
};

struct PlanPass {
  const char* name;
  const char* what;  // it decides, a few words
  void (*run)(PlanState& state);
  /// What stands instead where the pass is left out.
  void (*neutral)(PlanState& state);
};

/// The passes in their order.
std::span<const PlanPass> plan_passes();

/// Throws Error kInvalidArgument for a wish out of range and kOutOfMemory, with the ledger and what would fit, where it
/// can't fit. A wish is never changed; only auto values give way.
Plan make_plan(const ModelCard& card, std::span<Device* const> devices, const HostFacts& host, const Wishes& wishes);

/// The speeds of these devices, each with the plan's threads; empty where one of them is not known.
std::vector<DeviceSpeed> speeds_of(const HostFacts& host, std::span<Device* const> devices, int32_t threads);

/// Weights lie one after another, each on such a border, in bytes.
constexpr size_t kWeightBorder = 64;

/// Layers of the plan that lie on GPUs.
int32_t gpu_layers_of(const Plan& plan, std::span<Device* const> devices);

/// Those of them whose feed-forward part the CPU computes.
int32_t cpu_ffn_of(const Plan& plan, std::span<Device* const> devices);

/// True for a tensor that is used where it lies in the mapped file: the matrices of a plan that maps, on the CPU.
bool stays_in_file(const TensorCard& tensor, const Device& device, bool map_weights);

/// Bytes a weight takes on a device, in its loaded_layout, up to the next border; none where it stays in the file.
size_t loaded_bytes(const TensorCard& tensor, const Device& device, bool map_weights);

/// The layout a tensor is loaded in: what the device prefers, the file's rows where it stays there; vectors are F32
/// rows.
Layout loaded_layout(const TensorCard& tensor, const Device& device, bool map_weights);

}  // namespace vivace
