#include "device/device.h"

namespace vivace {

const char* device_kind_name(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::kCpu:
      return "cpu";
    case DeviceKind::kIntegratedGpu:
      return "integrated GPU";
    case DeviceKind::kDiscreteGpu:
      return "discrete GPU";
    case DeviceKind::kSoftware:
      return "software";
  }
  return "unknown";
}

const KernelRow* find_kernel(const DeviceInfo& info, KernelOp op, Format format, Layout layout) {
  for (const KernelRow& row : info.kernels) {
    if (row.op == op && row.format == format && row.layout == layout) return &row;
  }
  return nullptr;
}

}  // namespace vivace
