// The KV cache: where the bytes of a position lie (device/kv_view.h), and its values in the format that is compiled for.
#ifndef VIVACE_KV_GLSL
#define VIVACE_KV_GLSL
#include "lib/common.glsl"

const uint kPageTokens = 32;

#if defined(FORMAT_f32)
const uint kBlockColumns = 1, kBlockBytes = 4;
#elif defined(FORMAT_f16)
const uint kBlockColumns = 1, kBlockBytes = 2;
#elif defined(FORMAT_q8_0)
const uint kBlockColumns = 32, kBlockBytes = 34;
#else
const uint kBlockColumns = 32, kBlockBytes = 18;
#endif

/// SlabEntry of step_mirror.h.
struct Slab {
  uint64_t address;
  uint pages;
  uint reserved;
};
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Slabs { Slab at[]; };

/// StepPush of recorder.h: offsets in bytes from the mirror's begin.
struct Step {
  uint64_t mirror;
  uint positions, token_sequence, sequence_begin;
  uint page_tables, most_pages;  // of the KV group
  uint slabs;
};

uint step_tokens(Step step) { return Words(step.mirror).at[0]; }
uint step_position(Step step, uint token) { return Words(step.mirror + step.positions).at[token]; }
uint step_sequence(Step step, uint token) { return Words(step.mirror + step.token_sequence).at[token]; }
uint step_begin(Step step, uint sequence) { return Words(step.mirror + step.sequence_begin).at[sequence]; }
/// The page of a sequence's positions from index * kPageTokens on.
uint step_page(Step step, uint sequence, uint index) {
  return Words(step.mirror + step.page_tables).at[sequence * step.most_pages + index];
}

/// KvPush of kv.cpp.
struct Kv {
  uint64_t key_offset, value_offset;  // bytes of a page before the layer's
  uint pages_per_slab;
  uint key_dim, value_dim;
  uint reserved;
};

/// Bytes of a row of one head.
uint kv_row_bytes(uint columns) { return columns / kBlockColumns * kBlockBytes; }

/// Where a head's keys or values of a page begin.
uint64_t kv_head(Step step, Kv kv, uint page, uint head, bool keys) {
  const uint slab = page / kv.pages_per_slab, in_slab = page % kv.pages_per_slab;
  const Slab entry = Slabs(step.mirror + step.slabs).at[slab];
  const uint64_t bytes = uint64_t(kPageTokens * kv_row_bytes(keys ? kv.key_dim : kv.value_dim));
  const uint64_t before = (keys ? kv.key_offset : kv.value_offset) + head * bytes;
  return entry.address + entry.pages * before + in_slab * bytes;
}

/// Where a byte of the row at a position of the page lies in its head: keys turned, values in blocks.
uint key_byte(uint byte, uint slot) {
  const uint unit = kBlockColumns == 1 ? kBlockBytes : 2;
  return (byte - byte % unit) * kPageTokens + slot * unit + byte % unit;
}
uint value_byte(uint byte, uint slot, uint row_bytes) {
  if (kBlockColumns == 1) return slot * row_bytes + byte;
  const uint in_block = byte % kBlockBytes, begin = (byte - in_block) * kPageTokens;
  if (in_block < 2) return begin + slot * 2 + in_block;
  return begin + 2 * kPageTokens + slot % 16 * 2 * (kBlockBytes - 2) + (in_block - 2) * 2 + slot / 16;
}
#endif
