// The emulator and the wrapped instructions: what they compute, and that it notices what a GPU would not forgive.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "backends/cuda/launch.h"
#include "backends/cuda/rows.h"

namespace vivace::cuda {
namespace {

const char* run(dim3 grid, dim3 block, size_t shared, const std::function<void()>& thread) {
  return run_grid(grid, block, shared, [&] {
    wait_for_previous_kernel();
    thread();
  });
}

unsigned thread_of_grid() { return blockIdx.x * blockDim.x + threadIdx.x; }

TEST(Emulator, RunsEveryThreadOnce) {
  std::vector<int> visits(70 * 96);
  ASSERT_EQ(run(70, 96, 0, [&] { ++visits[thread_of_grid()]; }), nullptr);
  for (int count : visits) ASSERT_EQ(count, 1);
}

TEST(Emulator, SharedMemoryAndBarriersReverseABlock) {
  std::vector<unsigned> out(33 * 256);
  ASSERT_EQ(run(33, 256, 256 * sizeof(unsigned),
                [&] {
                  VIVACE_DYNAMIC_SHARED(unsigned, values);
                  __shared__ unsigned last;
                  values[threadIdx.x] = thread_of_grid();
                  if (threadIdx.x == 255) last = thread_of_grid();
                  __syncthreads();
                  out[thread_of_grid()] = values[255 - threadIdx.x] + (last - thread_of_grid()) * 1000;
                }),
            nullptr);
  for (unsigned i = 0; i < out.size(); ++i) {
    const unsigned back = 255 - i % 256;
    ASSERT_EQ(out[i], i / 256 * 256 + back + back * 1000);
  }
}

TEST(Emulator, LanesExchange) {
  float sums[64], largest[64], sum_of_block[64];
  uint32_t votes[64];
  int below[64];
  ASSERT_EQ(run(1, 64, 0,
                [&] {
                  __shared__ float scratch[3];
                  const unsigned i = threadIdx.x;
                  sums[i] = warp_sum(float(i));
                  largest[i] = warp_max(float(i) - 100);
                  votes[i] = ballot(i % 3 == 0);
                  below[i] = shuffle_down(int(i), 1);
                  sum_of_block[i] = block_sum<2>(1.0f, scratch);
                }),
            nullptr);
  for (unsigned i = 0; i < 64; ++i) {
    EXPECT_EQ(sums[i], i < 32 ? 496 : 1520);
    EXPECT_EQ(largest[i], i < 32 ? -69 : -37);
    EXPECT_EQ(votes[i] >> (i % 32) & 1, i % 3 == 0);
    EXPECT_EQ(below[i], i % 32 == 31 ? int(i) : int(i) + 1);
    EXPECT_EQ(sum_of_block[i], 64);
  }
}

TEST(Emulator, ThreadsThatLeaveAreNotWaitedFor) {
  int after = 0;
  ASSERT_EQ(run(1, 64, 0,
                [&] {
                  if (threadIdx.x >= 32) return;
                  __syncthreads();
                  if (threadIdx.x == 0) ++after;
                }),
            nullptr);
  EXPECT_EQ(after, 1);
}

TEST(Emulator, NoticesABarrierThatOnlySomeReach) {
  const char* problem = run(1, 64, 0, [] {
    if (threadIdx.x < 16) {
      sync_warp();
    } else {
      __syncthreads();
    }
  });
  ASSERT_NE(problem, nullptr);
  EXPECT_STREQ(problem, "threads of a block wait for each other in vain");
}

TEST(Emulator, NoticesAKernelThatDoesNotWaitForTheOneBefore) {
  EXPECT_STREQ(run_grid(1, 32, 0, [] {}), "a thread ended without wait_for_previous_kernel()");
}

TEST(Emulator, CopiesArriveAtTheWaitOnly) {
  alignas(16) uint8_t from[48], to[48];
  for (int i = 0; i < 48; ++i) from[i] = uint8_t(i + 1);
  std::memset(to, 0xEE, sizeof to);
  ASSERT_EQ(run(1, 1, 0,
                [&] {
                  copy_16_async(to, from, 16);
                  commit_copies();
                  copy_16_async(to + 16, from + 16, 5);
                  commit_copies();
                  if (to[0] != 0xEE) return;
                  wait_copies<1>();
                  if (to[0] != 1 || to[16] != 0xEE) return;
                  wait_copies<0>();
                }),
            nullptr);
  EXPECT_EQ(to[15], 16);
  EXPECT_EQ(to[20], 21);
  EXPECT_EQ(to[21], 0);
  EXPECT_EQ(to[32], 0xEE);
}

TEST(Emulator, RefusesMoreThanABlockHas) {
  EXPECT_NE(run(1, 2048, 0, [] {}), nullptr);
  EXPECT_NE(run(1, 32, kMostDynamicShared + 1, [] {}), nullptr);
}

struct Matrices {
  std::vector<float> a = std::vector<float>(16 * 16), b = std::vector<float>(8 * 16);

  Matrices() {
    std::mt19937 engine(7);
    for (float& value : a) value = float(int(engine() % 17) - 8) / 4;
    for (float& value : b) value = float(int(engine() % 17) - 8) / 8;
  }
  float expected(unsigned row, unsigned column) const {
    float sum = 0;
    for (unsigned k = 0; k < 16; ++k) sum += a[row * 16 + k] * b[column * 16 + k];
    return sum;
  }
};

TEST(DeviceMath, MatricesOf16BitFloats) {
  const Matrices m;
  float plain[32][4], brain[32][4], generic[32][4];
  ASSERT_EQ(run(1, 32, 0,
                [&] {
                  const unsigned lane = threadIdx.x;
                  __shared__ uint16_t halves[16 * 16];
                  for (unsigned i = lane; i < 256; i += 32) halves[i] = float_to_half(m.a[i]);
                  sync_warp();
                  uint32_t a[4], b[2], a16[4], b16[2];
                  load_matrices(a, halves + (lane % 16) * 16 + lane / 16 * 8);
                  for (int i = 0; i < 2; ++i) {
                    const float* pair = &m.b[lane / 4 * 16 + lane % 4 * 2 + unsigned(i) * 8];
                    b[i] = pack_halves(pair[0], pair[1]);
                    b16[i] = pack_bf16(pair[0], pair[1]);
                  }
                  for (int i = 0; i < 4; ++i) a16[i] = two_halves_to_bf16(a[i]);
                  for (int i = 0; i < 4; ++i) plain[lane][i] = brain[lane][i] = generic[lane][i] = 1;
                  mma_f16(plain[lane], a, b);
                  mma_bf16(brain[lane], a16, b16);
                  mma_16_generic(generic[lane], a, b, [](uint32_t pair) { return unpack_halves(pair); });
                }),
            nullptr);
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned i = 0; i < 4; ++i) {
      const float expected = 1 + m.expected(lane / 4 + i / 2 * 8, lane % 4 * 2 + i % 2);
      EXPECT_EQ(plain[lane][i], expected);
      EXPECT_EQ(brain[lane][i], expected);
      EXPECT_EQ(generic[lane][i], expected);
    }
  }
}

TEST(DeviceMath, MatricesOfBytes) {
  std::mt19937 engine(8);
  std::vector<int8_t> a(16 * 32), b(8 * 32);
  for (int8_t& value : a) value = int8_t(engine());
  for (int8_t& value : b) value = int8_t(engine());
  int wide[32][4], narrow[32][4], generic[32][4];
  ASSERT_EQ(run(1, 32, 0,
                [&] {
                  const unsigned lane = threadIdx.x, row = lane / 4, k = lane % 4 * 4;
                  uint32_t words[4], columns[2];
                  for (unsigned i = 0; i < 4; ++i)
                    std::memcpy(&words[i], &a[(row + i % 2 * 8) * 32 + k + i / 2 * 16], 4);
                  for (unsigned i = 0; i < 2; ++i) std::memcpy(&columns[i], &b[row * 32 + k + i * 16], 4);
                  mma_s8_k32(wide[lane], words, columns, 5);
                  mma_s8_k16(narrow[lane], {words[0], words[1]}, columns[0]);
                  mma_s8_generic<2>(generic[lane], words, columns, 5);
                }),
            nullptr);
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned i = 0; i < 4; ++i) {
      int first = 0, all = 0;
      for (unsigned k = 0; k < 32; ++k) {
        const int product = a[(lane / 4 + i / 2 * 8) * 32 + k] * b[(lane % 4 * 2 + i % 2) * 32 + k];
        all += product;
        if (k < 16) first += product;
      }
      EXPECT_EQ(wide[lane][i], all + 5);
      EXPECT_EQ(generic[lane][i], all + 5);
      EXPECT_EQ(narrow[lane][i], first);
    }
  }
}

TEST(DeviceMath, LoadsMatricesTransposed) {
  uint32_t out[32][2], generic[32][2];
  ASSERT_EQ(run(1, 32, 0,
                [&] {
                  alignas(16) __shared__ uint16_t values[2 * 8 * 8];
                  for (unsigned i = threadIdx.x; i < 128; i += 32) values[i] = uint16_t(i);
                  sync_warp();
                  const uint16_t* row = values + threadIdx.x % 16 * 8;
                  load_matrices_transposed(out[threadIdx.x], row);
                  load_matrices_transposed_generic(generic[threadIdx.x], row);
                }),
            nullptr);
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned i = 0; i < 2; ++i) {
      const unsigned low = i * 64 + lane % 4 * 2 * 8 + lane / 4;
      EXPECT_EQ(out[lane][i], low | (low + 8) << 16);
      EXPECT_EQ(generic[lane][i], out[lane][i]);
    }
  }
}

TEST(DeviceMath, PermutesBytesAndMultipliesFour) {
  EXPECT_EQ(byte_permute(0x33221100, 0x77665544, 0x7531), 0x77553311u);
  EXPECT_EQ(byte_permute(0x80, 0, 0x8880), 0xFFFFFF80u);
  EXPECT_EQ(dp4a(int(0x01FF807F), int(0x02020202), 10), 10 + 2 * (127 - 128 - 1 + 1));
  EXPECT_EQ(half2_fma(0x40003C00, 0x42003C00, 0x3C003C00), 0x47004000u);  // {2 * 3 + 1, 1 * 1 + 1}
}

}  // namespace
}  // namespace vivace::cuda
