// The CPU's stream: calls become stages of a program, sync() runs it.
#pragma once

#include <memory>

#include "backends/cpu/kernel_table.h"
#include "base/thread_pool.h"
#include "device/device.h"

namespace vivace {

/// Table, pool and inputs must outlive the stream. `most_threads` >= 1.
std::unique_ptr<Stream> make_cpu_stream(const StepInputs& inputs, const KernelTable& table, ThreadPool& pool,
                                        int32_t most_threads);

}  // namespace vivace
