#include "models/decoder.h"

#include <cstring>

#include "base/error.h"
#include "device/device_error.h"
#include "models/activations.h"

namespace vivace {
namespace {

using enum TensorRole;

/// Calls that reach one layer's tensors read like the paper; what is absent in the model is absent in the calls.
struct LayerCalls {
  const ModelCard& card;
  const LayerCard& layer;
  const LayerWeights& weights;
  const KvLayer& kv;
  Activations& act;
  Stream& ops;

  NormArgs norm(RowSet rows, const Tensor& input, TensorRole weight, TensorRole bias) const {
    NormArgs args;
    args.rows = rows;
    args.kind = card.norm;
    args.input = input;
    args.weight = weights[weight];
    args.bias = weights[bias];
    args.epsilon = card.norm_epsilon;
    return args;
  }

  /// Normalises each head of x in place; nothing where the model has no such norm.
  void head_norm(const Tensor& x, TensorRole role, int32_t head_dim) const {
    if (!weights[role]) return;
    NormArgs args = norm(RowSet::kTokens, x, role, role);
    args.kind = NormKind::kRms;
    args.bias = {};
    args.segment = head_dim;
    args.output = x;
    ops.norm(args);
  }

  void rotate(const Tensor& x, int32_t heads) const {
    if (layer.rope < 0) return;
    const RopeCard& rope = card.ropes[layer.rope];
    ops.rope({x, act.rope_tables[layer.rope], heads, layer.key_dim, rope.rotary_dim, rope.pairs});
  }

  /// x += post_norm(y) * residual_scale
  void add_residual(RowSet rows, const Tensor& x, const Tensor& y, TensorRole post_norm) const {
    if (weights[post_norm]) {
      NormArgs args = norm(rows, y, post_norm, post_norm);
      args.bias = {};
      args.output = y;
      ops.norm(args);
    }
    ops.add({rows, x, y, x, card.residual_scale});
  }

  /// attn [tokens, heads * value_dim] = attention(norm(x)); keys and values go to the cache.
  void attention() const {
    NormArgs pre = norm(RowSet::kTokens, act.x, kAttentionNorm, kAttentionNormBias);
    const Activation input = act.normed({weights[kQuery], weights[kKey], weights[kValue]});
    pre.output = input.values;
    pre.prepared = input.prepared;
    ops.norm(pre);
    const Tensor q = act.query(layer), k = act.key(layer), v = act.value(layer);
    MatmulArgs qkv;
    qkv.input = input;
    qkv.items = {MatmulItem{weights[kQuery], weights[kQueryBias], q}, MatmulItem{weights[kKey], weights[kKeyBias], k},
                 MatmulItem{weights[kValue], weights[kValueBias], v}};
    qkv.count = 3;
    ops.matmul(qkv);
    head_norm(q, kQueryNorm, layer.key_dim);
    head_norm(k, kKeyNorm, layer.key_dim);
    rotate(q, layer.heads);
    rotate(k, layer.kv_heads);
    ops.kv_write({k, v, kv});
    AttentionArgs args;
    args.queries = q;
    args.output = act.attended(layer);
    args.kv = kv;
    args.heads = layer.heads;
    args.scale = card.attention_scale;
    args.window = layer.window;
    args.score_cap = card.score_cap;
    ops.attention(args);
  }

  /// x += W_o attn
  void attention_output(RowSet rows, const Tensor& x, const Tensor& attended) const {
    const Activation input = act.prepared_of(attended, weights[kAttentionOutput]);
    if (input.prepared) ops.prepare({rows, attended, input.prepared});
    MatmulArgs out;
    out.rows = rows;
    out.input = input;
    out.items[0] = {weights[kAttentionOutput], weights[kAttentionOutputBias], act.block_output()};
    out.count = 1;
    ops.matmul(out);
    add_residual(rows, x, act.block_output(), kAttentionPostNorm);
  }

  /// x += W_down (glu(W_gate n) * (W_up n)), n = norm(x); without a gate x += W_down f(W_up n)
  void feed_forward(RowSet rows, const Tensor& x) const {
    NormArgs pre = norm(rows, x, kFfnNorm, kFfnNormBias);
    const bool gated = bool(weights[kFfnGate]);
    const Activation input = act.normed({weights[kFfnGate], weights[kFfnUp]});
    pre.output = input.values;
    pre.prepared = input.prepared;
    ops.norm(pre);
    const Tensor gate = act.gate(layer), up = act.up(layer);
    MatmulArgs in;
    in.rows = rows;
    in.input = input;
    if (gated) in.items[in.count++] = {weights[kFfnGate], weights[kFfnGateBias], gate};
    in.items[in.count++] = {weights[kFfnUp], weights[kFfnUpBias], up};
    ops.matmul(in);
    const Activation hidden = act.hidden(layer, weights[kFfnDown]);
    ops.glu({rows, card.glu, gated ? gate : up, gated ? up : Tensor{}, hidden.values, hidden.prepared});
    MatmulArgs down;
    down.rows = rows;
    down.input = hidden;
    down.items[0] = {weights[kFfnDown], weights[kFfnDownBias], act.block_output()};
    down.count = 1;
    ops.matmul(down);
    add_residual(rows, x, act.block_output(), kFfnPostNorm);
  }
};

}  // namespace

/// Consecutive halves of layers on one device: half 2 i is layer i's attention, half 2 i + 1 its feed-forward.
struct Segment {
  int32_t device = 0;
  size_t begin = 0, end = 0;     // halves
  bool first_attention = false;  // on this device, in this step
};

struct Decoder::Impl {
  const ModelCard& card;
  const ModelWeights& weights;
  const KvLayout& kv;
  Placement placement;
  std::vector<Device*> devices;
  const StepInputs& inputs;
  std::vector<std::unique_ptr<Activations>> activations;  // [devices], null where unused
  std::vector<std::unique_ptr<Stream>> streams;           // [devices], null where unused
  std::vector<Segment> segments;
  StepResult result = StepResult::kLogits;  // of the step that runs, or ran last

  Impl(const ModelCard& model, const ModelWeights& w, const KvLayout& layout, const Placement& where,
       std::span<Device* const> all, const StepInputs& step)
      : card(model), weights(w), kv(layout), placement(where), devices(all.begin(), all.end()), inputs(step) {
    activations.resize(devices.size());
    streams.resize(devices.size());
    for (size_t d = 0; d < devices.size(); ++d) {
      if (placement.uses(int32_t(d))) use(int32_t(d));
    }
    make_segments();
    record_steps();
  }

  void use(int32_t device) {
    const bool output = device == placement.output;
    activations[device] = std::make_unique<Activations>(card, *devices[device], inputs.limits(), output);
    streams[device] = on_device(*devices[device], [&] { return devices[device]->create_stream(inputs); });
  }

  void make_segments() {
    auto extend = [this](int32_t device, size_t halves) {
      if (segments.empty() || segments.back().device != device) {
        const size_t at = segments.empty() ? 0 : segments.back().end;
        segments.push_back({device, at, at});
      }
      segments.back().end += halves;
    };
    extend(placement.embedding, 0);
    for (size_t i = 0; i < card.layers.size(); ++i) {
      extend(placement.layers[i], 1);
      extend(placement.feed_forward_of(i), 1);
    }
    extend(placement.output, 0);
    std::vector<bool> seen(devices.size());
    for (Segment& segment : segments) {
      const bool attention = segment.end > segment.begin + segment.begin % 2;
      segment.first_attention = attention && !seen[size_t(segment.device)];
      if (attention) seen[size_t(segment.device)] = true;
    }
  }

  /// Records what the streams want to have recorded before the first step.
  void record_steps() {
    for (size_t i = 0; i < segments.size(); ++i) {
      Stream& ops = *streams[segments[i].device];
      on_device(*devices[segments[i].device], [&] {
        for (const StepShape& shape : ops.shapes()) {
          const bool wants_outputs = shape.outputs > 0;
          ops.record(key_of(i, wants_outputs), shape);
          segment_calls(ops, i, wants_outputs);
          ops.finish_recording();
        }
      });
    }
  }

  uint64_t key_of(size_t segment, bool wants_outputs) const {
    return segment * 4 + (result == StepResult::kHidden ? 2 : 0) + wants_outputs;
  }

  void forward(StepResult wanted) {
    result = wanted;
    if (result == StepResult::kHidden && card.embedding > card.vocabulary) {
      throw Error(ErrorCode::kUnsupported, "the hidden state has no room where the logits are");
    }
    const bool wants_outputs = inputs.outputs() > 0;
    for (size_t i = 0; i < segments.size(); ++i) {
      if (i > 0) hop(segments[i - 1].device, segments[i].device, takes_outputs(i));
      Stream& ops = *streams[segments[i].device];
      on_device(*devices[segments[i].device], [&] {
        if (!ops.begin(key_of(i, wants_outputs))) segment_calls(ops, i, wants_outputs);
        ops.sync();
      });
    }
  }

  /// Whether a segment begins behind the last attention, with the outputs' rows alone.
  bool takes_outputs(size_t segment) const { return segments[segment].begin + 1 >= 2 * card.layers.size(); }

  /// Carries the hidden state across a segment border, in host memory: x of the tokens, or only of the outputs.
  void hop(int32_t from, int32_t to, bool outputs) {
    const Tensor& source = outputs ? activations[from]->host_x_outputs : activations[from]->host_x;
    const Tensor& target = outputs ? activations[to]->host_x_outputs : activations[to]->host_x;
    const size_t bytes = size_t(outputs ? inputs.outputs() : inputs.tokens()) * source.stride * sizeof(float);
    if (bytes == 0) return;
    std::memcpy(target.buffer->host_data() + target.offset, source.buffer->host_data() + source.offset, bytes);
  }

  /// A segment's part of the forward pass; on a device with staging memory, from there and back.
  void segment_calls(Stream& ops, size_t index, bool wants_outputs) {
    const Segment& segment = segments[index];
    Activations& act = *activations[segment.device];
    const bool first = index == 0, last = index + 1 == segments.size(), outputs_only = takes_outputs(index);
    if (outputs_only && !first && !wants_outputs) return;
    if (first) {
      ops.embed({weights.common[kTokenEmbedding], act.x, card.embedding_scale});
    } else if (act.staged()) {
      stage(ops, act, outputs_only, true);
    }
    if (segment.first_attention) rope_tables(ops, act, segment.device);
    for (size_t i = segment.begin; i < segment.end; ++i) {
      i % 2 == 0 ? attention(ops, act, i / 2, wants_outputs) : feed_forward(ops, act, i / 2, wants_outputs);
    }
    if (last && wants_outputs && result == StepResult::kLogits) logits(ops, act);
    if (last && wants_outputs && result == StepResult::kHidden) last_hidden(ops, act);
    const bool next_takes_outputs = !last && takes_outputs(index + 1);
    if (!last && act.staged() && (wants_outputs || !next_takes_outputs)) stage(ops, act, next_takes_outputs, false);
  }

  /// Copies the hidden state from staging memory or back.
  static void stage(Stream& ops, const Activations& act, bool outputs, bool in) {
    const RowSet rows = outputs ? RowSet::kOutputs : RowSet::kTokens;
    const Tensor &host = outputs ? act.host_x_outputs : act.host_x, &device = outputs ? act.x_outputs : act.x;
    ops.copy({rows, in ? host : device, in ? device : host});
  }

  void rope_tables(Stream& ops, Activations& act, int32_t device) {
    for (size_t r = 0; r < card.ropes.size(); ++r) {
      ops.rope_table({weights.rope_frequencies[r][device], rope_magnitude(card.ropes[r]), act.rope_tables[r]});
    }
  }

  LayerCalls calls_of(Stream& ops, Activations& act, size_t i) const {
    return {card, card.layers[i], weights.layers[i], kv.layers[i], act, ops};
  }

  /// A layer's first half. After the last layer's attention only the rows whose logits are wanted go on.
  void attention(Stream& ops, Activations& act, size_t i, bool wants_outputs) {
    const LayerCalls calls = calls_of(ops, act, i);
    calls.attention();
    const Tensor attended = act.attended(card.layers[i]);
    if (i + 1 < card.layers.size()) {
      calls.attention_output(RowSet::kTokens, act.x, attended);
    } else if (wants_outputs) {
      const Tensor attended_outputs = act.attended_outputs(card.layers[i]);
      ops.gather({act.x, act.x_outputs});
      ops.gather({attended, attended_outputs});
      calls.attention_output(RowSet::kOutputs, act.x_outputs, attended_outputs);
    }
  }

  /// Its second half.
  void feed_forward(Stream& ops, Activations& act, size_t i, bool wants_outputs) {
    if (i + 1 < card.layers.size()) {
      calls_of(ops, act, i).feed_forward(RowSet::kTokens, act.x);
    } else if (wants_outputs) {
      calls_of(ops, act, i).feed_forward(RowSet::kOutputs, act.x_outputs);
    }
  }

  NormArgs output_norm(const Activations& act) const {
    NormArgs norm;
    norm.rows = RowSet::kOutputs;
    norm.kind = card.norm;
    norm.input = act.x_outputs;
    norm.weight = weights.common[kOutputNorm];
    norm.bias = weights.common[kOutputNormBias];
    norm.epsilon = card.norm_epsilon;
    return norm;
  }

  /// The beginning of each row of logits, where a hidden state is put.
  Tensor hidden_view(const Tensor& logits) const {
    return {logits.buffer, logits.offset, card.embedding, logits.stride};
  }

  void last_hidden(Stream& ops, Activations& act) {
    NormArgs norm = output_norm(act);
    norm.output = hidden_view(act.logits);
    ops.norm(norm);
    if (act.staged()) ops.copy({RowSet::kOutputs, norm.output, hidden_view(act.host_logits)});
  }

  void logits(Stream& ops, Activations& act) {
    const Weight& output = weights.common[kOutput];
    NormArgs norm = output_norm(act);
    const Activation input = act.normed({output});
    norm.output = input.values;
    norm.prepared = input.prepared;
    ops.norm(norm);
    MatmulArgs matmul;
    matmul.rows = RowSet::kOutputs;
    matmul.input = input;
    matmul.items[0] = {output, weights.common[kOutputBias], act.logits};
    matmul.count = 1;
    ops.matmul(matmul);
    if (card.logit_scale != 1 || card.logit_cap > 0) {
      ops.scale({RowSet::kOutputs, act.logits, act.logits, card.logit_scale, card.logit_cap});
    }
    if (act.staged()) ops.copy({RowSet::kOutputs, act.logits, act.host_logits});
  }
};

Decoder::Decoder(const ModelCard& card, const ModelWeights& weights, const KvLayout& kv, const Placement& placement,
                 std::span<Device* const> devices, const StepInputs& inputs)
    : impl_(std::make_unique<Impl>(card, weights, kv, placement, devices, inputs)) {}

Decoder::~Decoder() = default;

void Decoder::forward(StepResult result) { impl_->forward(result); }

std::span<const float> Decoder::hidden(int32_t index) const {
  return logits(index).first(size_t(impl_->card.embedding));
}

std::span<const float> Decoder::logits(int32_t index) const {
  if (index < 0 || index >= impl_->inputs.outputs()) throw Error(ErrorCode::kInternal, "no such output row");
  const Tensor& logits = impl_->activations[impl_->placement.output]->host_logits;
  const size_t begin = logits.offset + size_t(index) * logits.stride * sizeof(float);
  return {reinterpret_cast<const float*>(logits.buffer->host_data() + begin), size_t(logits.columns)};
}

void Decoder::set_threads(int32_t threads) {
  for (auto& stream : impl_->streams) {
    if (stream) stream->set_threads(threads);
  }
}

}  // namespace vivace
