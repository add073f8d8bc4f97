// The CPU's limits, measured: decode can't be faster than memory is read, prefill not than int8 is multiplied.
#pragma once

#include "backends/cpu/kernel_table.h"
#include "backends/registry.h"
#include "base/thread_pool.h"

namespace vivace {

/// With the kernels' own loops on all threads of the pool: see measure_cpu(). Throws Error kOutOfMemory.
CpuLimits measure_cpu_limits(const KernelTable& kernels, ThreadPool& pool, size_t bytes);

}  // namespace vivace
