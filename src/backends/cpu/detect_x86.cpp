// The kernel sets of x86-64 machines.
#include <cpuid.h>

#include "backends/cpu/detect.h"
#include "base/os/amx_tiles.h"

namespace vivace {

namespace isa_scalar {
const KernelTable& kernel_table();
}
namespace isa_avx2 {
const KernelTable& kernel_table();
}
namespace isa_avxvnni {
const KernelTable& kernel_table();
}
namespace isa_avx512 {
const KernelTable& kernel_table();
}
namespace isa_avx512vnni {
const KernelTable& kernel_table();
}
namespace isa_avx512bf16 {
const KernelTable& kernel_table();
}
namespace isa_avx512amx {
const KernelTable& kernel_table();
}

namespace {

// __builtin_cpu_supports also asks whether the system saves the registers; clang 14 does not know "f16c".
bool has_avx2() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  const bool f16c = __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);
  return f16c && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
// gcc 12 knows "avxvnni", clang 14 does not: bit 4 of eax of leaf 7.1. It is VEX-encoded: AVX2's registers suffice.
[[maybe_unused]] bool has_avxvnni() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return has_avx2() && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & 1u << 4);
}
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
bool has_avx512vnni() { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }
bool has_avx512bf16() { return has_avx512vnni() && __builtin_cpu_supports("avx512bf16"); }
// AMX-BF16, AMX-TILE and AMX-INT8: bits 22, 24 and 25 of edx of leaf 7, of which clang 14 knows no names.
[[maybe_unused]] bool has_avx512amx() {
  constexpr unsigned kAmx = 1u << 22 | 3u << 24;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return has_avx512bf16() && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (edx & kAmx) == kAmx &&
         request_amx_tiles();
}
bool always() { return true; }

constexpr IsaRow kRows[] = {
#if !defined(VIVACE_FEW_ISAS)
    {"avx512amx", has_avx512amx, isa_avx512amx::kernel_table},
#endif
    {"avx512bf16", has_avx512bf16, isa_avx512bf16::kernel_table},
    {"avx512vnni", has_avx512vnni, isa_avx512vnni::kernel_table},
#if !defined(VIVACE_FEW_ISAS)
    {"avx512", has_avx512, isa_avx512::kernel_table},
    {"avxvnni", has_avxvnni, isa_avxvnni::kernel_table},
#endif
    {"avx2", has_avx2, isa_avx2::kernel_table},
    {"scalar", always, isa_scalar::kernel_table},
};

}  // namespace

std::span<const IsaRow> isa_rows() { return kRows; }

}  // namespace vivace
