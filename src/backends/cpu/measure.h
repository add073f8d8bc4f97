// The CPU's limits, measured: decode can't be faster than memory is read, prefill not than int8 is multiplied.
#pragma once

#include "backends/cpu/kernel_table.h"
#include "backends/registry.h"
#include "base/os/large_pages.h"
#include "base/thread_pool.h"

namespace vivace {

/// Bytes per second of all threads, each of which reads its part of fresh memory again and again.
double measure_stream(const KernelTable& kernels, ThreadPool& pool, size_t bytes, PageMemory::Pages pages);

/// int8 multiply-adds per second of all threads.
double measure_int8(const KernelTable& kernels, ThreadPool& pool);

/// With the kernels' own loops on all threads of the pool: see measure_cpu(). Throws Error kOutOfMemory.
CpuLimits measure_cpu_limits(const KernelTable& kernels, ThreadPool& pool, size_t bytes);

}  // namespace vivace
