// variants: kv_formats
// Attention over pages. A workgroup takes kRows rows, kTokens tokens of a sequence times kHeads query heads that share a
// KV head, through tiles of kTile positions: scores with a thread for each position, softmax, then values with a thread
// for each column. In steps of few tokens each tile is a workgroup of its own, which leaves its part in the workspace,
// and attention_merge merges them in the same order with the same arithmetic. A row's bits depend neither on the way nor
// on the rows beside it: positions that it does not see weigh exactly 0.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
#include "lib/kv.glsl"
#include "lib/math.glsl"
#include "lib/softmax.glsl"
const uint kThreads = 256, kTile = 256;
layout(local_size_x = 256) in;
layout(constant_id = 0) const uint kTokens = 1;
layout(constant_id = 1) const uint kHeads = 1;     // query heads of a workgroup
layout(constant_id = 2) const uint kGroup = 1;     // query heads of a KV head
layout(constant_id = 3) const uint kKeyDim = 64;
layout(constant_id = 4) const uint kValueDim = 64;  // at most kThreads
const uint kRows = kTokens * kHeads, kSplits = (kGroup + kHeads - 1) / kHeads;
const uint kKeyQuads = (kKeyDim + 3) / 4;
const uint kParts = kThreads / kValueDim;                          // threads that share a column
const uint kPartPositions = ((kTile + kParts - 1) / kParts + 3) / 4 * 4;  // of the tile, for each

layout(push_constant, scalar) uniform Push {
  Rows queries, result;
  Step step;
  Kv kv;
  uint64_t sinks;  // f32 [heads]; 0: none
  uint64_t parts;  // f32 [tokens, heads, tiles, kValueDim + 2]; 0: the tiles are merged here
  uint tiles, window;
  float scale, score_cap;
} p;

shared vec4 query[kRows * kKeyQuads];
shared float score[kRows * kTile];   // then weights, then sums of parts of the tile
shared float partial[kRows * 32];
shared float total[kRows * kValueDim];
shared float top[kRows], sum[kRows], tile_top[kRows], tile_sum[kRows];
shared uint position_of[kRows], first_of[kRows];  // what a row sees; first > position: no such row

vec4 load_keys(uint64_t head, uint column, uint slot) {
#if defined(FORMAT_f32)
  Floats at = Floats(head + slot * 4);
  return vec4(at.at[column * 32], at.at[(column + 1) * 32], at.at[(column + 2) * 32], at.at[(column + 3) * 32]);
#elif defined(FORMAT_f16)
  Halves at = Halves(head + slot * 2);
  return vec4(unpackHalf2x16(uint(at.at[column * 32]) | uint(at.at[(column + 1) * 32]) << 16),
              unpackHalf2x16(uint(at.at[(column + 2) * 32]) | uint(at.at[(column + 3) * 32]) << 16));
#else
  const uint block = column / 32, i = column % 32;
  Halves units = Halves(head + block * kBlockBytes * 32 + slot * 2);
  const float scale = half_to_float(uint(units.at[0]));
#if defined(FORMAT_q8_0)
  const uint codes = uint(units.at[(1 + i / 2) * 32]) | uint(units.at[(2 + i / 2) * 32]) << 16;
  return scale * vec4(int8_t(codes), int8_t(codes >> 8), int8_t(codes >> 16), int8_t(codes >> 24));
#else
  const uint unit = 1 + i % 16 / 2, shift = i / 16 * 4;
  const uint codes = (uint(units.at[unit * 32]) | uint(units.at[(unit + 1) * 32]) << 16) >> shift;
  return scale * (vec4(codes & 15u, codes >> 8 & 15u, codes >> 16 & 15u, codes >> 24 & 15u) - 8.0);
#endif
#endif
}

float load_key(uint64_t head, uint column, uint slot) {
#if defined(FORMAT_f32)
  return Floats(head + slot * 4).at[column * 32];
#elif defined(FORMAT_f16)
  return half_to_float(uint(Halves(head + slot * 2).at[column * 32]));
#else
  return load_keys(head, column / 4 * 4, slot)[column % 4];
#endif
}

float load_value(uint64_t head, uint column, uint slot) {
#if defined(FORMAT_f32)
  return Floats(head + slot * kValueDim * 4).at[column];
#elif defined(FORMAT_f16)
  return half_to_float(uint(Halves(head + slot * kValueDim * 2).at[column]));
#else
  const uint64_t block = head + column / 32 * kBlockBytes * 32;
  const float scale = half_to_float(uint(Halves(block).at[slot]));
  Bytes codes = Bytes(block + 64 + slot % 16 * 2 * (kBlockBytes - 2) + slot / 16);
#if defined(FORMAT_q8_0)
  return scale * float(int8_t(codes.at[column % 32 * 2]));
#else
  return scale * float(int(uint(codes.at[column % 16 * 2]) >> column % 32 / 16 * 4 & 15u) - 8);
#endif
#endif
}

/// The first token of the workgroup and how many it has; none where another workgroup takes them.
uint first_token, tokens, sequence;
void find_tokens() {
  first_token = gl_WorkGroupID.y;
  const uint all = step_tokens(p.step);
  tokens = 0;
  if (first_token >= all) return;
  sequence = step_sequence(p.step, first_token);
  if (kTokens == 1) {
    tokens = 1;
    return;
  }
  if ((first_token - step_begin(p.step, sequence)) % kTokens != 0) return;
  tokens = 1;
  while (tokens < kTokens && first_token + tokens < all &&
         step_sequence(p.step, first_token + tokens) == sequence) {
    ++tokens;
  }
}

uint head_of(uint row) { return gl_WorkGroupID.x % kSplits * kHeads + row % kHeads; }  // in the group
uint token_of(uint row) { return first_token + row / kHeads; }
bool exists(uint row) { return row / kHeads < tokens && head_of(row) < kGroup; }
uint query_head(uint row) { return gl_WorkGroupID.x / kSplits * kGroup + head_of(row); }

void begin_rows() {
  const uint thread = gl_LocalInvocationID.x;
  for (uint row = 0; row < kRows; ++row) {
    Floats from = row_of(p.queries, exists(row) ? token_of(row) : first_token);
    for (uint i = thread; i < kKeyQuads * 4; i += kThreads) {
      query[row * kKeyQuads + i / 4][i % 4] =
          exists(row) && i < kKeyDim ? from.at[query_head(row) * kKeyDim + i] : 0.0;
    }
  }
  for (uint i = thread; i < kRows * kValueDim; i += kThreads) total[i] = 0;
  for (uint row = thread; row < kRows; row += kThreads) {
    const uint position = exists(row) ? step_position(p.step, token_of(row)) : 0;
    top[row] = kLowest;
    sum[row] = 0;
    position_of[row] = position;
    first_of[row] = !exists(row) ? 1 : p.window > 0 && position >= p.window ? position - p.window + 1 : 0;
  }
}

/// Scores of the tile's positions, a thread each; `seen`: any row sees this one.
void make_scores(uint tile, uint low, uint high) {
  const uint thread = gl_LocalInvocationID.x, position = tile * kTile + thread;
  const bool seen = position >= low && position <= high;
  precise float dots[kRows];
  [[unroll]] for (uint row = 0; row < kRows; ++row) dots[row] = 0;
  if (seen) {
    const uint page = step_page(p.step, sequence, position / kPageTokens), slot = position % kPageTokens;
    const uint64_t head = kv_head(p.step, p.kv, page, gl_WorkGroupID.x / kSplits, true);
    for (uint quad = 0; quad < kKeyDim / 4; ++quad) {
      precise const vec4 key = load_keys(head, quad * 4, slot);
      [[unroll]] for (uint row = 0; row < kRows; ++row) {
        const vec4 q = query[row * kKeyQuads + quad];
        dots[row] = fma(q.w, key.w, fma(q.z, key.z, fma(q.y, key.y, fma(q.x, key.x, dots[row]))));
      }
    }
    for (uint column = kKeyDim / 4 * 4; column < kKeyDim; ++column) {
      precise const float key = load_key(head, column, slot);
      [[unroll]] for (uint row = 0; row < kRows; ++row) {
        dots[row] = fma(query[row * kKeyQuads + column / 4][column % 4], key, dots[row]);
      }
    }
  }
  [[unroll]] for (uint row = 0; row < kRows; ++row) {
    precise float value = dots[row] * p.scale;
    if (p.score_cap > 0) value = p.score_cap * exact_tanh(value / p.score_cap);
    score[row * kTile + thread] = position >= first_of[row] && position <= position_of[row] ? value : kLowest;
  }
}

/// Scores become weights relative to the tile's highest: 32 threads a row.
void soften() {
  const uint lane = gl_LocalInvocationID.x % 32;
  for (uint base = 0; base < kRows; base += kThreads / 32) {
    const uint row = base + gl_LocalInvocationID.x / 32;
    const bool there = row < kRows;
    float best = kLowest;
    if (there) {
      for (uint i = lane; i < kTile; i += 32) best = max(best, score[row * kTile + i]);
      partial[row * 32 + lane] = best;
    }
    barrier();
    for (uint distance = 16; distance > 0; distance /= 2) {
      if (there && lane < distance) {
        partial[row * 32 + lane] = max(partial[row * 32 + lane], partial[row * 32 + lane + distance]);
      }
      barrier();
    }
    precise float weights = 0;
    if (there) {
      best = partial[row * 32];
      for (uint i = lane; i < kTile; i += 32) {
        const float weight = weight_of(score[row * kTile + i], best);
        score[row * kTile + i] = weight;
        weights += weight;
      }
    }
    barrier();
    if (there) partial[row * 32 + lane] = weights;
    barrier();
    for (uint distance = 16; distance > 0; distance /= 2) {
      if (there && lane < distance) {
        precise const float both = partial[row * 32 + lane] + partial[row * 32 + lane + distance];
        partial[row * 32 + lane] = both;
      }
      barrier();
    }
    if (there && lane == 0) {
      tile_top[row] = best;
      tile_sum[row] = partial[row * 32];
    }
  }
}

/// Merges the tile's weighted values into the totals. Threads share out columns, and parts of the tile where there are
/// fewer columns than threads.
void add_values(uint tile, uint low, uint high) {
  const uint thread = gl_LocalInvocationID.x, column = thread % kValueDim, part = thread / kValueDim;
  precise float sums[kRows];
  [[unroll]] for (uint row = 0; row < kRows; ++row) sums[row] = 0;
  if (part < kParts) {
    const uint end = min(min((part + 1) * kPartPositions, kTile), high + 1 - tile * kTile);
    uint64_t head = 0;
    uint page_index = ~0u;
    for (uint i = part * kPartPositions; i < end; ++i) {
      const uint position = tile * kTile + i;
      if (position < low) continue;
      if (page_index != position / kPageTokens) {
        page_index = position / kPageTokens;
        head = kv_head(p.step, p.kv, step_page(p.step, sequence, page_index), gl_WorkGroupID.x / kSplits, false);
      }
      precise const float value = load_value(head, column, position % kPageTokens);
      [[unroll]] for (uint row = 0; row < kRows; ++row) sums[row] = fma(score[row * kTile + i], value, sums[row]);
    }
  }
  barrier();
  if (part < kParts) {
    [[unroll]] for (uint row = 0; row < kRows; ++row) score[row * kTile + thread] = sums[row];
  }
  barrier();
  for (uint i = thread; i < kRows * kValueDim; i += kThreads) {
    const uint row = i / kValueDim;
    precise float all = 0;
    for (uint j = 0; j < kParts; ++j) all += score[row * kTile + j * kValueDim + i % kValueDim];
    total[i] = merged(total[i], top[row], all, tile_top[row]);
  }
  barrier();
  for (uint row = thread; row < kRows; row += kThreads) {
    sum[row] = merged(sum[row], top[row], tile_sum[row], tile_top[row]);
    top[row] = max(top[row], tile_top[row]);
  }
  barrier();
}

void store() {
  for (uint i = gl_LocalInvocationID.x; i < kRows * kValueDim; i += kThreads) {
    const uint row = i / kValueDim, column = i % kValueDim;
    if (!exists(row)) continue;
    Floats to = row_of(p.result, token_of(row));
    to.at[query_head(row) * kValueDim + column] = finished(p.sinks, query_head(row), top[row], sum[row], total[i]);
  }
}

/// What the workspace holds of a tile: {top, sum, values}.
void store_part(uint tile) {
  const uint heads = gl_NumWorkGroups.x / kSplits * kGroup;
  for (uint i = gl_LocalInvocationID.x; i < kRows * kValueDim; i += kThreads) {
    const uint row = i / kValueDim, column = i % kValueDim;
    if (!exists(row)) continue;
    const uint index = (token_of(row) * heads + query_head(row)) * p.tiles + tile;
    Floats part = Floats(p.parts + uint64_t(index) * (kValueDim + 2) * 4);
    if (column == 0) {
      part.at[0] = top[row];
      part.at[1] = sum[row];
    }
    part.at[2 + column] = total[i];
  }
}

void main() {
  find_tokens();
  if (tokens == 0) return;
  const uint low_position = step_position(p.step, first_token);
  const uint low = p.window > 0 && low_position >= p.window ? low_position - p.window + 1 : 0;
  const uint high = step_position(p.step, first_token + tokens - 1);
  uint first_tile = low / kTile, last_tile = high / kTile;
  if (p.parts != 0) {
    const uint tile = gl_WorkGroupID.z;
    if (tile < first_tile || tile > last_tile) return;
    first_tile = last_tile = tile;
  }
  begin_rows();
  barrier();
  for (uint tile = first_tile; tile <= last_tile; ++tile) {
    make_scores(tile, low, high);
    barrier();
    soften();
    barrier();
    add_values(tile, low, high);
  }
  if (p.parts != 0) {
    store_part(first_tile);
  } else {
    store();
  }
}
