// The hint a spinning thread gives its core, so that its sibling hyperthread gets the units.
#pragma once

namespace vivace {

inline void cpu_relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
  asm volatile("yield" ::: "memory");
#endif
}

}  // namespace vivace
