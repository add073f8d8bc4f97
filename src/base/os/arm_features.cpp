// Features of Arm processors from the auxiliary vector or sysctl.
#include "base/os/arm_features.h"

#if defined(__linux__) && defined(__aarch64__)
#include <sys/auxv.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>

#include <cstddef>
#endif

namespace vivace {

bool has_arm_i8mm() {
#if defined(__linux__) && defined(__aarch64__)
  constexpr unsigned long kI8mm = 1ul << 13;  // HWCAP2_I8MM of Linux 5.10
  return (getauxval(AT_HWCAP2) & kI8mm) != 0;
#elif defined(__APPLE__)
  int has = 0;
  size_t size = sizeof has;
  return sysctlbyname("hw.optional.arm.FEAT_I8MM", &has, &size, nullptr, 0) == 0 && has != 0;
#else
  return false;
#endif
}

}  // namespace vivace
