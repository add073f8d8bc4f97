// Which kernel sets this build has and this machine can run.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/cpu/kernel_table.h"

namespace vivace {

/// A kernel set of this build. The list (isa_rows) is ordered best first.
struct IsaRow {
  const char* name;
  bool (*supported)();  // by this machine
  const KernelTable& (*table)();
};

/// The kernel sets of this build, best first; "scalar" is always the last.
std::span<const IsaRow> isa_rows();

/// Names of those that this machine runs, best first.
std::vector<std::string> available_isas();

/// The kernels of the named set, or of the best one for an empty name. Throws Error kUnsupported (naming the available
/// sets) where the machine cannot run it or the build does not know it.
const KernelTable& kernel_table(std::string_view isa);

/// The kernel for a weight: its own row, or the generic one. `native` tells which, where given.
const MatmulRow& matmul_row(const KernelTable& table, Format format, Layout layout, bool* native = nullptr);

}  // namespace vivace
