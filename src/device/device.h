// What a device is: facts the planner reads, memory, and streams that execute operations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "device/ops.h"
#include "device/step_inputs.h"

namespace vivace {

enum class KernelOp : uint8_t { kEmbed, kMatmul, kKv };

/// "This device can do that": the row exists, or it can't. kKv rows say which formats attention reads and writes.
struct KernelRow {
  KernelOp op;
  Format format;
  Layout layout;
  bool native;  // false: through generic unpacking, correct but slower
};

enum class DeviceKind : uint8_t {
  kCpu,
  kIntegratedGpu,  // shares the host's memory
  kDiscreteGpu,    // has memory of its own behind a link
  kSoftware,       // a GPU's interface executed by the CPU: for tests, never chosen by itself
};

/// "cpu", "integrated GPU", "discrete GPU", "software".
const char* device_kind_name(DeviceKind kind);

struct DeviceInfo {
  std::string id;    // "cpu", "cpu1", "cuda0", "vulkan0", "reference"
  std::string name;  // as the maker calls it
  std::string isa;   // kernel set in use, for example "avx512vnni", "sm_90"
  std::string uuid;  // of the hardware, equal for all interfaces to it; empty: unknown
  DeviceKind kind = DeviceKind::kCpu;
  size_t memory_usable = 0;     // bytes; 0: unknown
  size_t largest_buffer = 0;    // bytes of one allocation; 0: no limit
  int32_t threads = 1;          // most threads a stream may use
  bool host_memory = true;      // every buffer is host memory
  bool unified_memory = false;  // device and host share one memory: no link between them
  std::vector<KernelRow> kernels;

  // Measured by Device::measure(); 0: not measured.
  double memory_bandwidth = 0;  // bytes/s, reads of large buffers
  double int8_rate = 0;         // multiply-adds/s
  double f16_rate = 0;          // multiply-adds/s
  double link_up = 0;           // bytes/s, host to device
  double link_down = 0;         // bytes/s, device to host
  double launch_seconds = 0;    // from the start of an empty step to its end
};

enum class BufferUse : uint8_t {
  kWeights,
  kKv,
  kActivations,
  kStaging,  // host memory that the device's operations also read and write: what crosses between devices
  kKvHost,   // a KV cache in host memory, reached over the link
};

/// True for memory that lies in the host's RAM whatever the device; host_data() of such buffers is not null.
constexpr bool in_host_memory(BufferUse use) { return use == BufferUse::kStaging || use == BufferUse::kKvHost; }

/// A size of steps worth a recording of its own: any step of at most so many tokens and outputs may run it.
struct StepShape {
  int32_t tokens = 0;
  int32_t outputs = 0;  // 0: a step that wants no logits
};

/// An ordered queue of operations over one StepInputs. Used by one thread at a time.
class Stream : public Ops {
 public:
  /// Begins a step. True: a program recorded under `key` (model, placement) that fits the current StepInputs will run
  /// at the next sync, skip the calls. False: make the calls; they are recorded under the key where the backend
  /// records.
  virtual bool begin(uint64_t key) = 0;
  /// The shapes that are worth recording before the first step, smallest first; none where recording costs nothing.
  virtual std::vector<StepShape> shapes() const { return {}; }
  /// Records the calls up to finish_recording() for steps of this shape under `key`, without running them.
  virtual void record(uint64_t key, StepShape shape) {}
  virtual void finish_recording() {}
  /// Waits for everything enqueued; errors of asynchronous calls are thrown here.
  virtual void sync() = 0;
  /// Threads for the next steps, where that has a meaning.
  virtual void set_threads(int32_t threads) = 0;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual const DeviceInfo& info() const = 0;

  /// Fills the measured facts of info(); may take a second and some memory.
  virtual void measure() {}

  /// Zero-filled memory, aligned to 64 bytes at least; throws Error kOutOfMemory with the sizes.
  virtual std::unique_ptr<Buffer> allocate(size_t bytes, BufferUse use) = 0;
  /// Bytes of the device's own memory that a stream over such inputs takes besides the buffers: the mirror of the
  /// inputs, partial results. Does not depend on the model.
  virtual size_t workspace_bytes(const StepLimits& limits) const { return 0; }
  /// Bytes of the device's own memory that its buffers and streams hold now; devices in host memory don't count: 0.
  virtual size_t allocated_bytes() const { return 0; }
  /// A stream that reads `inputs`, which must outlive it. Takes workspace_bytes(); throws Error kOutOfMemory.
  virtual std::unique_ptr<Stream> create_stream(const StepInputs& inputs) = 0;

  /// The layout in which this device wants a weight.
  virtual Layout preferred_layout(KernelOp op, Format format, int64_t rows, int64_t columns) const = 0;
  /// The forms of an activation that a matmul with this weight reads; 0: the f32 values.
  virtual PreparedKinds prepared_kinds(const Weight& weight) const = 0;
  /// Bytes of an activation [rows, columns] in these forms.
  virtual size_t prepared_bytes(PreparedKinds kinds, int32_t columns, int32_t rows) const = 0;
};

/// The kernel row for (op, format, layout), or null.
const KernelRow* find_kernel(const DeviceInfo& info, KernelOp op, Format format, Layout layout);

}  // namespace vivace
