// Matrix instructions of a warpgroup (four warps, the first at a multiple of four) of compute capability 9.0: they run
// beside the threads and read their second operand from shared memory. Built for sm_90a alone; elsewhere nothing calls
// them. The emulator multiplies at once.
#pragma once

#include "backends/cuda/device_math.h"

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define VIVACE_WARPGROUP_PTX 1
#else
#define VIVACE_WARPGROUP_PTX 0
#endif
#if VIVACE_WARPGROUP_PTX || defined(VIVACE_GPU_EMULATED)
#define VIVACE_WARPGROUP_BUILT 1
#else
#define VIVACE_WARPGROUP_BUILT 0
#endif

namespace vivace::cuda {

/// Whether the host may launch kernels with these instructions on a GPU.
inline bool has_warpgroups(int compute) {
#if defined(VIVACE_GPU_HIP)
  return false;
#else
  return compute == 90;
#endif
}

/// Rows of 64 bf16 (128 bytes) in shared memory begin at a multiple of this; piece p of row r lies at p ^ (r % 8).
constexpr int kWarpgroupTileAlign = 1024;

/// Makes what this thread has stored to shared memory visible to the warpgroup's instructions, after a barrier.
VIVACE_DEVICE void publish_shared() {
#if VIVACE_WARPGROUP_PTX
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

/// Before the first multiplication after registers of operands were written.
VIVACE_DEVICE void warpgroup_begin() {
#if VIVACE_WARPGROUP_PTX
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}
VIVACE_DEVICE void warpgroup_commit() {
#if VIVACE_WARPGROUP_PTX
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}
/// Waits until at most kLeft committed groups run.
template <int kLeft>
VIVACE_DEVICE void warpgroup_wait() {
#if VIVACE_WARPGROUP_PTX
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kLeft) : "memory");
#endif
}

#if defined(VIVACE_GPU_EMULATED)

/// sums += a b^T for 64 rows and kTokens tokens: each warp has 16 rows, with the fragments of mma.m16n8k16; b is
/// columns 16 * step.. of a tile [kTokens][64].
template <int kTokens>
void warpgroup_multiply(float (&sums)[kTokens / 8][4], const uint32_t (&a)[4], const uint8_t* tile, int step) {
  struct Fragment {
    uint32_t words[4];
  };
  const int lane = static_cast<int>(threadIdx.x % 32);
  const Fragment mine{{a[0], a[1], a[2], a[3]}};
  const Exchanged<Fragment> all(mine);
  for (int i = 0; i < kTokens / 2; ++i) {
    const int token = i / 4 * 8 + lane % 4 * 2 + i % 2, lower = i / 2 % 2;
    float& sum = sums[i / 4][i % 4];
    for (int pair = 0; pair < 8; ++pair) {
      const uint32_t row = all[static_cast<unsigned>(lane / 4 * 4 + pair % 4)].words[pair / 4 * 2 + lower];
      const int piece = (step * 2 + pair / 4) ^ (token & 7);
      const uint32_t column = *reinterpret_cast<const uint32_t*>(tile + token * 128 + piece * 16 + pair % 4 * 4);
      const float2 x = unpack_bf16(row), y = unpack_bf16(column);
      sum += x.x * y.x + x.y * y.y;
    }
  }
}

#elif VIVACE_WARPGROUP_PTX

/// Where a tile lies, as the instructions take it: rows of 128 bytes swizzled, eight of them every 1024 bytes.
VIVACE_DEVICE uint64_t tile_descriptor(const uint8_t* tile) {
  const uint64_t address = static_cast<uint32_t>(__cvta_generic_to_shared(tile));
  return (address & 0x3FFFF) >> 4 | uint64_t{1} << 16 | uint64_t{1024 >> 4} << 32 | uint64_t{1} << 62;
}

#define VIVACE_FOUR_SUMS(i) "+f"(sums[i][0]), "+f"(sums[i][1]), "+f"(sums[i][2]), "+f"(sums[i][3])

/// sums += a b^T for 64 rows and kTokens tokens: each warp has 16 rows, with the fragments of mma.m16n8k16; b is
/// columns 16 * step.. of a tile [kTokens][64]. Runs on until warpgroup_wait(): neither sums nor a may be touched
/// before.
template <int kTokens>
VIVACE_DEVICE void warpgroup_multiply(float (&sums)[kTokens / 8][4], const uint32_t (&a)[4], const uint8_t* tile,
                                      int step) {
  static_assert(kTokens == 128 || kTokens == 256);
  const uint64_t descriptor = tile_descriptor(tile) + static_cast<uint64_t>(step) * 2;
  // clang-format off
  if constexpr (kTokens == 256) {
    asm volatile(
        "{wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 {"
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
        "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
        "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "
        "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "
        "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "
        "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "
        "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127}, "
        "{%128, %129, %130, %131}, %132, 1, 1, 1, 0;}"
        :
        VIVACE_FOUR_SUMS(0), VIVACE_FOUR_SUMS(1), VIVACE_FOUR_SUMS(2), VIVACE_FOUR_SUMS(3),
        VIVACE_FOUR_SUMS(4), VIVACE_FOUR_SUMS(5), VIVACE_FOUR_SUMS(6), VIVACE_FOUR_SUMS(7),
        VIVACE_FOUR_SUMS(8), VIVACE_FOUR_SUMS(9), VIVACE_FOUR_SUMS(10), VIVACE_FOUR_SUMS(11),
        VIVACE_FOUR_SUMS(12), VIVACE_FOUR_SUMS(13), VIVACE_FOUR_SUMS(14), VIVACE_FOUR_SUMS(15),
        VIVACE_FOUR_SUMS(16), VIVACE_FOUR_SUMS(17), VIVACE_FOUR_SUMS(18), VIVACE_FOUR_SUMS(19),
        VIVACE_FOUR_SUMS(20), VIVACE_FOUR_SUMS(21), VIVACE_FOUR_SUMS(22), VIVACE_FOUR_SUMS(23),
        VIVACE_FOUR_SUMS(24), VIVACE_FOUR_SUMS(25), VIVACE_FOUR_SUMS(26), VIVACE_FOUR_SUMS(27),
        VIVACE_FOUR_SUMS(28), VIVACE_FOUR_SUMS(29), VIVACE_FOUR_SUMS(30), VIVACE_FOUR_SUMS(31)
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(descriptor));
  } else {
    asm volatile(
        "{wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
        "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
        "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
        "{%64, %65, %66, %67}, %68, 1, 1, 1, 0;}"
        :
        VIVACE_FOUR_SUMS(0), VIVACE_FOUR_SUMS(1), VIVACE_FOUR_SUMS(2), VIVACE_FOUR_SUMS(3),
        VIVACE_FOUR_SUMS(4), VIVACE_FOUR_SUMS(5), VIVACE_FOUR_SUMS(6), VIVACE_FOUR_SUMS(7),
        VIVACE_FOUR_SUMS(8), VIVACE_FOUR_SUMS(9), VIVACE_FOUR_SUMS(10), VIVACE_FOUR_SUMS(11),
        VIVACE_FOUR_SUMS(12), VIVACE_FOUR_SUMS(13), VIVACE_FOUR_SUMS(14), VIVACE_FOUR_SUMS(15)
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(descriptor));
  }
  // clang-format on
}

#undef VIVACE_FOUR_SUMS

#else

template <int kTokens>
VIVACE_DEVICE void warpgroup_multiply(float (&/*sums*/)[kTokens / 8][4], const uint32_t (&/*a*/)[4],
                                      const uint8_t* /*tile*/, int /*step*/) {}

#endif

}  // namespace vivace::cuda
