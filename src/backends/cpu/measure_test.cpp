// The loops that measure limits, on every instruction set of this machine: they read what they should, and take time.
#include "backends/cpu/measure.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "backends/cpu/tested_isas.h"

namespace vivace {
namespace {

TEST(MeasureLimits, TheStreamIsReadWhole) {
  std::vector<uint32_t> data(1024);
  uint32_t sum = 0;
  for (size_t i = 0; i < data.size(); ++i) sum += data[i] = uint32_t(i * 2654435761u);
  for (const std::string& isa : tested_isas()) {
    const LimitKernels& kernels = kernel_table(isa).limits;
    EXPECT_EQ(kernels.read_stream(reinterpret_cast<const uint8_t*>(data.data()), 4096), sum) << isa;
  }
}

TEST(MeasureLimits, EveryRoundMultiplies) {
  for (const std::string& isa : tested_isas()) {
    const LimitKernels& kernels = kernel_table(isa).limits;
    const std::vector<uint8_t> operands(size_t(kernels.operand_bytes), 3);
    uint32_t one = 0, two = 0;
    const int64_t macs = kernels.multiply_int8(operands.data(), 1, &one);
    EXPECT_EQ(one, 9 * macs) << isa;
    EXPECT_EQ(kernels.multiply_int8(operands.data(), 2, &two), 2 * macs) << isa;
    EXPECT_EQ(two, 2 * one) << isa;
  }
}

TEST(MeasureLimits, RatesArePositive) {
  ThreadPool pool(2);
  const CpuLimits limits = measure_cpu_limits(kernel_table(""), pool, size_t{8} << 20);
  for (const double rate : {limits.stream_normal_pages, limits.stream_large_pages, limits.int8_macs}) {
    EXPECT_GT(rate, 1e6);
    EXPECT_TRUE(std::isfinite(rate));
  }
}

}  // namespace
}  // namespace vivace
