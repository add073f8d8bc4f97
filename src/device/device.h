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

struct DeviceInfo {
  std::string id;            // "cpu", "cpu1", "reference"
  std::string name;          // as the maker calls it
  std::string isa;           // kernel set in use, for example "avx512vnni"
  size_t memory_usable = 0;  // bytes
  int32_t threads = 1;       // most threads a stream may use
  bool host_memory = true;   // buffers are host memory
  std::vector<KernelRow> kernels;
};

enum class BufferUse : uint8_t { kWeights, kKv, kActivations };

/// An ordered queue of operations over one StepInputs. Used by one thread at a time.
class Stream : public Ops {
 public:
  /// Begins a step. True: a program recorded under `key` (model, placement, bucket) will run at the next sync, skip the
  /// calls. False: make the calls; they are recorded under the key where the backend records.
  virtual bool begin(uint64_t key) = 0;
  /// Waits for everything enqueued; errors of asynchronous calls are thrown here.
  virtual void sync() = 0;
  /// Threads for the next steps, where that has a meaning.
  virtual void set_threads(int32_t threads) = 0;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual const DeviceInfo& info() const = 0;

  /// Zero-filled memory, aligned to 64 bytes at least; throws Error kOutOfMemory with the sizes.
  virtual std::unique_ptr<Buffer> allocate(size_t bytes, BufferUse use) = 0;
  /// A stream that reads `inputs`, which must outlive it.
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
