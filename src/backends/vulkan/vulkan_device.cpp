#include "backends/vulkan/vulkan_device.h"

#include <algorithm>
#include <utility>

#include "backends/vulkan/measure.h"
#include "backends/vulkan/memory.h"
#include "backends/vulkan/operations.h"
#include "backends/vulkan/vulkan_stream.h"
#include "base/error.h"

namespace vivace::vulkan {
namespace {

/// Memory that the driver needs for pipelines and command buffers, and a margin for the display.
size_t memory_reserve(size_t free) { return std::max(size_t{128} << 20, free / 50); }

class VulkanDevice final : public Device {
 public:
  VulkanDevice(std::shared_ptr<Gpu> gpu, const VulkanOptions& options) {
    const GpuFacts& facts = gpu->facts();
    // A software device is treated as a card, so that tests see what cards see.
    const bool unified =
        options.unified.value_or(facts.unified && facts.kind == DeviceKind::kIntegratedGpu) && facts.unified;
    info_.id = options.id;
    info_.name = facts.name;
    info_.isa = "subgroups of " + std::to_string(facts.subgroup_size) + (facts.float16 ? ", f16" : "") +
                (facts.fast_dot ? ", int8 products" : "");
    info_.uuid = facts.uuid;
    info_.kind = facts.kind;
    info_.host_memory = unified;
    info_.unified_memory = unified;
    info_.largest_buffer = facts.largest_buffer;
    const size_t free = gpu->free_memory(), reserve = memory_reserve(free);
    info_.memory_usable = (free > reserve ? free - reserve : 0) / size_t(std::max(1, options.shared_by));
    if (options.memory) info_.memory_usable = std::min(info_.memory_usable, *options.memory);
    info_.memory_usable = std::max(info_.memory_usable, size_t{1});  // 0 would say unknown
    add_kernels();
    memory_ = std::make_shared<DeviceMemory>(std::move(gpu), unified, options.memory, options.faults);
  }

  const DeviceInfo& info() const override { return info_; }
  void measure() override { measure_device(*memory_, info_); }

  std::unique_ptr<Buffer> allocate(size_t bytes, BufferUse use) override { return make_buffer(memory_, bytes, use); }
  size_t workspace_bytes(const StepLimits& limits) const override {
    return memory_->unified() ? 0 : stream_bytes(memory_->gpu().facts(), limits);
  }
  size_t allocated_bytes() const override { return memory_->unified() ? 0 : memory_->allocated(); }
  std::unique_ptr<Stream> create_stream(const StepInputs& inputs) override { return make_stream(memory_, inputs); }

  Layout preferred_layout(KernelOp, Format, int64_t, int64_t) const override { return Layout::kRows; }
  PreparedKinds prepared_kinds(const Weight& /*weight*/) const override { return 0; }
  size_t prepared_bytes(PreparedKinds /*kinds*/, int32_t /*columns*/, int32_t /*rows*/) const override { return 0; }

 private:
  void add_kernels() {
    for (const FormatRow& row : formats()) {
      info_.kernels.push_back({KernelOp::kEmbed, row.format, Layout::kRows, true});
      info_.kernels.push_back({KernelOp::kMatmul, row.format, Layout::kRows, true});
    }
    for (Format format : {Format::kF32, Format::kF16, Format::kQ8_0, Format::kQ4_0}) {
      info_.kernels.push_back({KernelOp::kKv, format, Layout::kRows, true});
    }
  }

  DeviceInfo info_;
  std::shared_ptr<DeviceMemory> memory_;
};

}  // namespace

std::unique_ptr<Device> make_vulkan_device(std::shared_ptr<Gpu> gpu, const VulkanOptions& options) {
  return std::make_unique<VulkanDevice>(std::move(gpu), options);
}

}  // namespace vivace::vulkan
