#include "device/device.h"

namespace vivace {

const KernelRow* find_kernel(const DeviceInfo& info, KernelOp op, Format format, Layout layout) {
  for (const KernelRow& row : info.kernels) {
    if (row.op == op && row.format == format && row.layout == layout) return &row;
  }
  return nullptr;
}

}  // namespace vivace
