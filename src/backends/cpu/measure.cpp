#include "backends/cpu/measure.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

namespace vivace {
namespace {

constexpr int kTries = 7;
constexpr double kTrySeconds = 0.03;

template <class Work>
double seconds_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

template <class Work>
double median_seconds(const Work& work) {
  std::vector<double> seconds;
  for (int i = 0; i < kTries; ++i) seconds.push_back(seconds_of(work));
  std::nth_element(seconds.begin(), seconds.begin() + kTries / 2, seconds.end());
  return seconds[kTries / 2];
}

}  // namespace

double measure_stream(const KernelTable& table, ThreadPool& pool, size_t bytes, PageMemory::Pages pages) {
  const LimitKernels& kernels = table.limits;
  const int threads = pool.size();
  const size_t part = bytes / size_t(threads) / 256 * 256;
  const PageMemory memory(part * size_t(threads), pages);
  std::vector<uint32_t> sums(size_t(threads) * 16);  // a cache line each
  const auto each = [&](int thread) {
    const auto* data = reinterpret_cast<const uint8_t*>(memory.data()) + part * size_t(thread);
    sums[size_t(thread) * 16] += kernels.read_stream(data, int64_t(part));
  };
  pool.run(threads, [&](int thread) {
    std::memset(const_cast<std::byte*>(memory.data()) + part * size_t(thread), 1, part);
    each(thread);
  });
  return double(part) * threads / median_seconds([&] { pool.run(threads, each); });
}

double measure_int8(const KernelTable& table, ThreadPool& pool) {
  const LimitKernels& kernels = table.limits;
  const int threads = pool.size();
  std::vector<uint8_t> operands(size_t(kernels.operand_bytes));
  for (size_t i = 0; i < operands.size(); ++i) operands[i] = uint8_t(i * 7 % 16);
  std::vector<uint32_t> sums(size_t(threads) * 16);
  int64_t rounds = 1, done = 0;
  const auto each = [&](int thread) {
    const int64_t count = kernels.multiply_int8(operands.data(), rounds, &sums[size_t(thread) * 16]);
    if (thread == 0) done = count;
  };
  while (seconds_of([&] { each(0); }) < kTrySeconds) rounds *= 2;
  return double(done) * threads / median_seconds([&] { pool.run(threads, each); });
}

CpuLimits measure_cpu_limits(const KernelTable& kernels, ThreadPool& pool, size_t bytes) {
  CpuLimits limits;
  limits.stream_normal_pages = measure_stream(kernels, pool, bytes, PageMemory::Pages::kNormal);
  limits.stream_large_pages = measure_stream(kernels, pool, bytes, PageMemory::Pages::kLarge);
  limits.int8_macs = measure_int8(kernels, pool);
  return limits;
}

}  // namespace vivace
