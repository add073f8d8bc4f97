#include "backends/cpu/cpu_device.h"

#include "backends/cpu/cpu_memory.h"
#include "backends/cpu/cpu_stream.h"
#include "backends/cpu/detect.h"
#include "base/error.h"

namespace vivace {
namespace {

constexpr size_t kHugePagesFrom = size_t{4} << 20;  // smaller buffers would waste most of their last page

class CpuDevice final : public Device {
 public:
  CpuDevice(const CpuOptions& options, ThreadPool& pool)
      : table_(kernel_table(options.isa)), pool_(pool), huge_pages_(options.huge_pages) {
    if (options.threads < 0 || options.threads > pool.size()) {
      throw Error(ErrorCode::kInvalidArgument, std::to_string(options.threads) + " threads for device " + options.id +
                                                   ", but the pool has " + std::to_string(pool.size()));
    }
    info_.id = options.id;
    info_.name = "CPU";
    info_.isa = table_.isa;
    info_.memory_usable = options.memory_usable;
    info_.threads = options.threads > 0 ? options.threads : pool.size();
    for (const FormatRow& format : formats()) add_rows(format.format);
  }

  const DeviceInfo& info() const override { return info_; }

  std::unique_ptr<Buffer> allocate(size_t bytes, BufferUse use) override {
    return make_cpu_buffer(bytes, huge_pages_ && bytes >= kHugePagesFrom);
  }

  std::unique_ptr<Stream> create_stream(const StepInputs& inputs) override {
    return make_cpu_stream(inputs, table_, pool_, info_.threads);
  }

  Layout preferred_layout(KernelOp op, Format format, int64_t rows, int64_t columns) const override {
    if (op == KernelOp::kKv) return Layout::kRows;
    // A table of embeddings too: it is often the output head as well, and a panel serves single rows.
    const KernelRow* panel = find_kernel(info_, KernelOp::kMatmul, format, Layout::kPanel16);
    return panel != nullptr && panel->native ? Layout::kPanel16 : Layout::kRows;
  }

  PreparedKinds prepared_kinds(const Weight& weight) const override {
    return matmul_row(table_, weight.format->format, weight.layout).prepared_kind;
  }

  size_t prepared_bytes(PreparedKinds kinds, int32_t columns, int32_t rows) const override {
    return kinds == 0 ? 0 : table_.prepared_bytes(kinds, columns, rows);
  }

 private:
  void add_rows(Format format) {
    for (Layout layout : {Layout::kRows, Layout::kPanel16}) {
      if (layout == Layout::kPanel16 && !has_panel16(format)) continue;
      bool native = false;
      matmul_row(table_, format, layout, &native);
      info_.kernels.push_back({KernelOp::kMatmul, format, layout, native});
      info_.kernels.push_back({KernelOp::kEmbed, format, layout, true});
    }
    if (is_kv_format(format)) {
      info_.kernels.push_back({KernelOp::kKv, format, Layout::kRows, true});
    }
  }

  const KernelTable& table_;
  ThreadPool& pool_;
  bool huge_pages_;
  DeviceInfo info_;
};

}  // namespace

std::unique_ptr<Device> make_cpu_device(const CpuOptions& options, ThreadPool& pool) {
  return std::make_unique<CpuDevice>(options, pool);
}

}  // namespace vivace
