// The kernel set of any other machine: plain C++.
#include "backends/cpu/detect.h"

namespace vivace {

namespace isa_scalar {
const KernelTable& kernel_table();
}

std::span<const IsaRow> isa_rows() {
  static constexpr IsaRow kRows[] = {{"scalar", [] { return true; }, isa_scalar::kernel_table}};
  return kRows;
}

}  // namespace vivace
