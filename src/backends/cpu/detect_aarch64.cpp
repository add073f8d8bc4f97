// The kernel sets of 64-bit ARM machines. Builds for them take ARMv8.2 with dot products as given.
#include "backends/cpu/detect.h"
#include "base/os/arm_features.h"

namespace vivace {

namespace isa_scalar {
const KernelTable& kernel_table();
}
namespace isa_neoni8mm {
const KernelTable& kernel_table();
}
namespace isa_neon {
const KernelTable& kernel_table();
}

namespace {

bool always() { return true; }

constexpr IsaRow kRows[] = {
    {"neoni8mm", has_arm_i8mm, isa_neoni8mm::kernel_table},
    {"neon", always, isa_neon::kernel_table},
    {"scalar", always, isa_scalar::kernel_table},
};

}  // namespace

std::span<const IsaRow> isa_rows() { return kRows; }

}  // namespace vivace
