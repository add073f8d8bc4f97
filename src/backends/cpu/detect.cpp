// Chooses a kernel set by name or by what the machine can do.
#include "backends/cpu/detect.h"

#include "base/error.h"

namespace vivace {

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const IsaRow& row : isa_rows()) {
    if (row.supported()) names.emplace_back(row.name);
  }
  return names;
}

const KernelTable& kernel_table(std::string_view isa) {
  for (const IsaRow& row : isa_rows()) {
    if ((isa.empty() || isa == row.name) && row.supported()) return row.table();
  }
  std::string names;
  for (const std::string& name : available_isas()) names += (names.empty() ? "" : ", ") + name;
  throw Error(ErrorCode::kUnsupported, "this machine or build has no kernels for '" + std::string(isa) + "'",
              "available: " + names);
}

const MatmulRow& matmul_row(const KernelTable& table, Format format, Layout layout, bool* native) {
  for (const KernelTable* part = &table; part; part = part->base) {
    for (int32_t i = 0; i < part->matmul_count; ++i) {
      const MatmulRow& row = part->matmuls[i];
      if (row.format != format || row.layout != layout) continue;
      if (native) *native = true;
      return row;
    }
  }
  if (native) *native = false;
  return table.generic;
}

}  // namespace vivace
