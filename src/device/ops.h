// The operations a model is made of. Calls are asynchronous and take descriptors by value: they only enqueue, run in
// order, and nothing may be read before Stream::sync. Whatever changes between steps is in StepInputs, never in the
// descriptors, so the sequence of calls depends only on the model, its placement and the batch bucket.
#pragma once

#include <array>
#include <cstdint>

#include "device/kv_view.h"
#include "device/tensor.h"

namespace vivace {

/// output[t] = table[token_ids[t]] * scale, for every token of the step.
struct EmbedArgs {
  Weight table;   // [vocabulary, columns]
  Tensor output;  // [tokens, columns]
  float scale = 1;
};

enum class NormKind : uint8_t { kRms, kLayer };

/// Normalises each segment of `segment` columns (0: the whole row) and multiplies by weight, adds bias.
/// RMS norm: Zhang and Sennrich 2019; layer norm: Ba et al. 2016. Output may be the input; either of output and
/// prepared may be absent.
struct NormArgs {
  RowSet rows = RowSet::kTokens;
  NormKind kind = NormKind::kRms;
  Tensor input;
  Weight weight;  // [1, segment], F32; absent: ones
  Weight bias;    // [1, segment], F32; absent: none
  float epsilon = 1e-5f;
  int32_t segment = 0;
  Tensor output;
  Prepared prepared;
};

/// Quantises an activation to the forms that its consumers read.
struct PrepareArgs {
  RowSet rows = RowSet::kTokens;
  Tensor input;
  Prepared prepared;
};

struct MatmulItem {
  Weight weight;  // [n, k]
  Weight bias;    // [1, n], F32; absent: none
  Tensor output;  // [rows, n]
};

/// output = input * weight^T + bias for up to four weights that share their input.
struct MatmulArgs {
  RowSet rows = RowSet::kTokens;
  Activation input;  // [rows, k]
  std::array<MatmulItem, 4> items;
  int32_t count = 0;
};

/// output = a + b * b_scale. Output may be a or b.
struct AddArgs {
  RowSet rows = RowSet::kTokens;
  Tensor a, b, output;
  float b_scale = 1;
};

/// output = input * factor; with cap > 0 then cap * tanh(. / cap). Output may be the input.
struct ScaleArgs {
  RowSet rows = RowSet::kTokens;
  Tensor input, output;
  float factor = 1;
  float cap = 0;
};

enum class GluKind : uint8_t { kSilu, kGeluTanh, kGeluErf, kRelu };

/// output = function(gate) * up; without `up`, function(gate) alone. Either of output and prepared may be absent.
struct GluArgs {
  RowSet rows = RowSet::kTokens;
  GluKind kind = GluKind::kSilu;
  Tensor gate, up, output;
  Prepared prepared;
};

/// Rotation of each position: table[t, 2i] = magnitude * cos(a), table[t, 2i + 1] = magnitude * sin(a) of the angle
/// a = float(position) * f_i, rounded to f32 as models are trained with.
struct RopeTableArgs {
  Weight frequencies;  // [1, rotary_dim / 2], F32, radians per position
  float magnitude = 1;
  Tensor table;  // [tokens, rotary_dim]
};

enum class RopePairs : uint8_t {
  kNeighbours,  // (2i, 2i + 1)
  kHalves,      // (i, i + rotary_dim / 2)
};

/// Rotates the first rotary_dim columns of each head in place (RoFormer, Su et al. 2021).
struct RopeArgs {
  Tensor x;      // [tokens, heads * head_dim]
  Tensor table;  // [tokens, rotary_dim]
  int32_t heads = 0;
  int32_t head_dim = 0;
  int32_t rotary_dim = 0;
  RopePairs pairs = RopePairs::kNeighbours;
};

/// Stores the step's keys and values at their positions in the pages.
struct KvWriteArgs {
  Tensor keys;    // [tokens, kv_heads * key_dim]
  Tensor values;  // [tokens, kv_heads * value_dim]
  KvLayer kv;
};

/// Causal attention of each token over its sequence's pages: softmax(q k^T * scale) v, with an optional sliding window
/// (a query sees `window` positions including itself; 0: all), soft cap on the scores and per-head sink logits.
/// Query head h reads KV head h / (heads / kv_heads). Tiles of kAttentionTile positions are merged in ascending order.
struct AttentionArgs {
  Tensor queries;  // [tokens, heads * key_dim]
  Tensor output;   // [tokens, heads * value_dim]
  KvLayer kv;
  int32_t heads = 0;
  float scale = 1;
  int32_t window = 0;
  float score_cap = 0;
  Weight sinks;  // [1, heads], F32; absent: none
};

/// output[o] = input[output_rows[o]].
struct GatherArgs {
  Tensor input;   // [tokens, columns]
  Tensor output;  // [outputs, columns]
};

/// output = input, columns copied row by row.
struct CopyArgs {
  RowSet rows = RowSet::kTokens;
  Tensor input, output;
};

class Ops {
 public:
  virtual ~Ops() = default;
  virtual void embed(const EmbedArgs& args) = 0;
  virtual void norm(const NormArgs& args) = 0;
  virtual void prepare(const PrepareArgs& args) = 0;
  virtual void matmul(const MatmulArgs& args) = 0;
  virtual void add(const AddArgs& args) = 0;
  virtual void scale(const ScaleArgs& args) = 0;
  virtual void glu(const GluArgs& args) = 0;
  virtual void rope_table(const RopeTableArgs& args) = 0;
  virtual void rope(const RopeArgs& args) = 0;
  virtual void kv_write(const KvWriteArgs& args) = 0;
  virtual void attention(const AttentionArgs& args) = 0;
  virtual void gather(const GatherArgs& args) = 0;
  virtual void copy(const CopyArgs& args) = 0;
};

}  // namespace vivace
