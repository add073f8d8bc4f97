#include "device/reference/reference_device.h"

#include <exception>
#include <utility>

#include "base/error.h"
#include "base/os/memory.h"
#include "device/host_buffer.h"
#include "device/reference/kernels.h"
#include "device/reference/memory.h"

namespace vivace {
namespace {

class ReferenceStream : public Stream {
 public:
  explicit ReferenceStream(const StepInputs& inputs) : inputs_(inputs) {}

  bool begin(uint64_t) override { return false; }
  void set_threads(int32_t) override {}
  void sync() override {
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

  void embed(const EmbedArgs& args) override { run(reference::embed, args); }
  void norm(const NormArgs& args) override { run(reference::norm, args); }
  void prepare(const PrepareArgs& args) override { run(no_prepared, args); }
  void matmul(const MatmulArgs& args) override { run(reference::matmul, args); }
  void add(const AddArgs& args) override { run(reference::add, args); }
  void scale(const ScaleArgs& args) override { run(reference::scale, args); }
  void glu(const GluArgs& args) override { run(reference::glu, args); }
  void rope_table(const RopeTableArgs& args) override { run(reference::rope_table, args); }
  void rope(const RopeArgs& args) override { run(reference::rope, args); }
  void kv_write(const KvWriteArgs& args) override { run(reference::kv_write, args); }
  void attention(const AttentionArgs& args) override { run(reference::attention, args); }
  void gather(const GatherArgs& args) override { run(reference::gather, args); }
  void copy(const CopyArgs& args) override { run(reference::copy, args); }

 private:
  static void no_prepared(const StepInputs&, const PrepareArgs& args) {
    reference::expect(!args.prepared, "it has no prepared activations");
  }

  template <class Args>
  void run(void (*op)(const StepInputs&, const Args&), const Args& args) {
    if (error_) return;
    try {
      op(inputs_, args);
    } catch (...) {
      error_ = std::current_exception();
    }
  }

  const StepInputs& inputs_;
  std::exception_ptr error_;  // of the first call that failed since the last sync
};

class ReferenceDevice : public Device {
 public:
  explicit ReferenceDevice(std::string id) {
    info_.id = std::move(id);
    info_.name = "scalar reference";
    info_.isa = "c++";
    info_.memory_usable = size_t(read_memory_info().usable_total);
    for (const FormatRow& row : formats()) {
      for (Layout layout : {Layout::kRows, Layout::kPanel16}) {
        if (layout == Layout::kPanel16 && !has_panel16(row.format)) continue;
        info_.kernels.push_back({KernelOp::kEmbed, row.format, layout, true});
        info_.kernels.push_back({KernelOp::kMatmul, row.format, layout, row.format == Format::kF32});
      }
    }
    for (Format format : {Format::kF32, Format::kF16, Format::kQ8_0, Format::kQ4_0}) {
      info_.kernels.push_back({KernelOp::kKv, format, Layout::kRows, true});
    }
  }

  const DeviceInfo& info() const override { return info_; }
  std::unique_ptr<Buffer> allocate(size_t bytes, BufferUse) override { return make_host_buffer(bytes); }
  std::unique_ptr<Stream> create_stream(const StepInputs& inputs) override {
    return std::make_unique<ReferenceStream>(inputs);
  }
  Layout preferred_layout(KernelOp, Format, int64_t, int64_t) const override { return Layout::kRows; }
  PreparedKinds prepared_kinds(const Weight&) const override { return 0; }
  size_t prepared_bytes(PreparedKinds, int32_t, int32_t) const override { return 0; }

 private:
  DeviceInfo info_;
};

}  // namespace

std::unique_ptr<Device> make_reference_device(std::string id) {
  return std::make_unique<ReferenceDevice>(std::move(id));
}

}  // namespace vivace
