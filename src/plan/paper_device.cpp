#include "plan/paper_device.h"

#include "base/error.h"

namespace vivace {
namespace {

class PaperDevice final : public Device {
 public:
  explicit PaperDevice(PaperFacts facts) : facts_(std::move(facts)) {
    DeviceInfo& info = facts_.info;
    info.host_memory = is_cpu();
    for (const FormatRow& row : formats()) {
      info.kernels.push_back({KernelOp::kMatmul, row.format, layout_of(row.format), true});
      info.kernels.push_back({KernelOp::kEmbed, row.format, layout_of(row.format), true});
    }
    for (Format format : {Format::kF32, Format::kF16, Format::kQ8_0, Format::kQ4_0}) {
      info.kernels.push_back({KernelOp::kKv, format, Layout::kRows, true});
    }
  }

  const DeviceInfo& info() const override { return facts_.info; }
  std::unique_ptr<Buffer> allocate(size_t, BufferUse) override { throw only_planned_with(); }
  std::unique_ptr<Stream> create_stream(const StepInputs&) override { throw only_planned_with(); }
  size_t workspace_bytes(const StepLimits&) const override { return facts_.workspace; }

  Layout preferred_layout(KernelOp op, Format format, int64_t, int64_t) const override {
    return op == KernelOp::kKv ? Layout::kRows : layout_of(format);
  }
  PreparedKinds prepared_kinds(const Weight&) const override { return is_cpu() ? 1 : 0; }
  size_t prepared_bytes(PreparedKinds kinds, int32_t columns, int32_t rows) const override {
    constexpr size_t kBytesOf32Values = 32 + 8;  // int8 values, a scale and a sum
    return kinds == 0 ? 0 : (size_t(columns) + 31) / 32 * kBytesOf32Values * size_t(rows);
  }

 private:
  bool is_cpu() const { return facts_.info.kind == DeviceKind::kCpu; }
  Layout layout_of(Format format) const { return is_cpu() && has_panel16(format) ? Layout::kPanel16 : Layout::kRows; }
  Error only_planned_with() const {
    return Error(ErrorCode::kInternal, facts_.info.name + " is a device of a catalogue: it can only be planned with");
  }

  PaperFacts facts_;
};

}  // namespace

std::unique_ptr<Device> make_paper_device(PaperFacts facts) { return std::make_unique<PaperDevice>(std::move(facts)); }

}  // namespace vivace
