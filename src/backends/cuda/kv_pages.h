// The KV cache as kernels see it: where the bytes of a position lie (device/kv_view.h), and its values.
#pragma once

#include <type_traits>

#include "backends/cuda/device_math.h"
#include "backends/cuda/launch.h"

namespace vivace::cuda {

constexpr int32_t kMostSlabs = 32;

/// One layer of a KV group; a value that kernels take as a parameter.
struct KvPages {
  uint8_t* slabs[kMostSlabs];
  int32_t slab_pages[kMostSlabs];
  int32_t pages_per_slab, group;
  int64_t key_offset, value_offset;          // bytes of a page before the layer's
  int32_t key_head_bytes, value_head_bytes;  // of a page
  int32_t key_dim, value_dim, kv_heads;
};

/// Throws Error kUnsupported for formats and head sizes that this backend doesn't keep.
KvPages kv_pages(const KvLayer& kv);

#if defined(VIVACE_DEVICE)
/// Where a head's keys or values of a page begin.
VIVACE_DEVICE uint8_t* head_bytes(const KvPages& kv, int32_t page, int32_t head, bool keys) {
  const int32_t slab = page / kv.pages_per_slab, in_slab = page % kv.pages_per_slab;
  const int64_t bytes = keys ? kv.key_head_bytes : kv.value_head_bytes;
  const int64_t before = (keys ? kv.key_offset : kv.value_offset) + head * bytes;
  return kv.slabs[slab] + kv.slab_pages[slab] * before + in_slab * bytes;
}

/// How a format's rows are cut.
template <Format kFormat>
struct KvFormat {
  static constexpr int kBlockColumns = kFormat == Format::kQ8_0 || kFormat == Format::kQ4_0 ? 32 : 1;
  static constexpr int kBlockBytes = kFormat == Format::kQ8_0   ? 34
                                     : kFormat == Format::kQ4_0 ? 18
                                     : kFormat == Format::kF16  ? 2
                                                                : 4;

  /// Byte of a row (0 the first) at a position of the page: keys turned, values in blocks.
  static VIVACE_DEVICE int key_byte(int byte, int slot) {
    constexpr int kUnit = kBlockColumns == 1 ? kBlockBytes : 2;
    return (byte - byte % kUnit) * kPageTokens + slot * kUnit + byte % kUnit;
  }
  static VIVACE_DEVICE int value_byte(int byte, int slot, int row_bytes) {
    if constexpr (kBlockColumns == 1) return slot * row_bytes + byte;
    const int in_block = byte % kBlockBytes, at = (byte - in_block) * kPageTokens;
    if (in_block < 2) return at + slot * 2 + in_block;
    return at + 2 * kPageTokens + slot % 16 * 2 * (kBlockBytes - 2) + (in_block - 2) * 2 + slot / 16;
  }

  /// The value of a column, `place(byte)` saying where a byte of the row lies in `head`.
  template <class Place>
  static VIVACE_DEVICE float load(const uint8_t* head, int column, Place place) {
    if constexpr (kFormat == Format::kF32) return *reinterpret_cast<const float*>(head + place(column * 4));
    if constexpr (kFormat == Format::kF16) {
      return half_to_float(*reinterpret_cast<const uint16_t*>(head + place(column * 2)));
    }
    const int block = column / 32 * kBlockBytes, i = column % 32;
    const float scale = half_to_float(*reinterpret_cast<const uint16_t*>(head + place(block)));
    if constexpr (kFormat == Format::kQ8_0) {
      return scale * static_cast<float>(static_cast<int8_t>(head[place(block + 2 + i)]));
    }
    const int code = head[place(block + 2 + i % 16)] >> (i / 16 * 4) & 15;
    return scale * static_cast<float>(code - 8);
  }
  static VIVACE_DEVICE float key(const uint8_t* head, int column, int slot) {
    return load(head, column, [slot](int byte) { return key_byte(byte, slot); });
  }
  static VIVACE_DEVICE float value(const uint8_t* head, int column, int slot, int row_bytes) {
    return load(head, column, [slot, row_bytes](int byte) { return value_byte(byte, slot, row_bytes); });
  }
};
#endif

/// Calls visit(std::integral_constant<Format, …>) for the KV format.
template <class Visitor>
void visit_kv_format(Format format, const Visitor& visit) {
  switch (format) {
    case Format::kF32:
      return visit(std::integral_constant<Format, Format::kF32>{});
    case Format::kF16:
      return visit(std::integral_constant<Format, Format::kF16>{});
    case Format::kQ8_0:
      return visit(std::integral_constant<Format, Format::kQ8_0>{});
    default:
      return visit(std::integral_constant<Format, Format::kQ4_0>{});
  }
}

}  // namespace vivace::cuda
