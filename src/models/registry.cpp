// The list of architectures.
#include <cstring>

#include "models/arch/arch_spec.h"

namespace vivace {

const ArchSpec* find_arch(const char* name) {
  static constexpr const ArchSpec* kArchitectures[] = {&kLlama, &kGemma3};
  for (const ArchSpec* spec : kArchitectures) {
    if (std::strcmp(spec->name, name) == 0) return spec;
  }
  return nullptr;
}

}  // namespace vivace
