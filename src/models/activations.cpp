#include "models/activations.h"

#include <algorithm>

#include "device/device_error.h"
#include "models/decoder.h"

namespace vivace {
namespace {

/// Offsets into one buffer, in bytes.
struct ActivationOffsets {
  size_t x, x_outputs, normed, block_output, query, key, value, attended, attended_outputs, gate, up, prepared, logits;
  std::vector<size_t> rope_tables;
  size_t total = 0;
};

struct Widths {
  int64_t query = 0, key = 0, value = 0, attended = 0, feed_forward = 0;
};

Widths widest(const ModelCard& card) {
  Widths w;
  for (const LayerCard& layer : card.layers) {
    w.query = std::max(w.query, int64_t{layer.heads} * layer.key_dim);
    w.key = std::max(w.key, int64_t{layer.kv_heads} * layer.key_dim);
    w.value = std::max(w.value, int64_t{layer.kv_heads} * layer.value_dim);
    w.attended = std::max(w.attended, int64_t{layer.heads} * layer.value_dim);
    w.feed_forward = std::max(w.feed_forward, int64_t{layer.feed_forward});
  }
  return w;
}

/// Room for the largest prepared activation that any matrix of the model reads.
size_t prepared_room(const ModelCard& card, const Device& device, int32_t tokens) {
  PreparedKinds kinds = 0;
  int64_t columns = 0;
  for (const TensorCard& tensor : card.tensors) {
    if (tensor_roles()[size_t(tensor.role)].shape != TensorShape::kMatrix) continue;
    Weight weight;
    weight.format = tensor.format;
    weight.rows = tensor.rows;
    weight.columns = tensor.columns;
    weight.layout = device.preferred_layout(KernelOp::kMatmul, tensor.format->format, tensor.rows, tensor.columns);
    kinds |= device.prepared_kinds(weight);
    columns = std::max(columns, tensor.columns);
  }
  return kinds ? device.prepared_bytes(kinds, int32_t(columns), tokens) : 0;
}

ActivationOffsets lay_out(const ModelCard& card, const Device& device, const StepLimits& limits, bool holds_output) {
  ActivationOffsets at;
  auto take = [&at](size_t bytes) {
    const size_t begin = at.total;
    at.total += (bytes + 63) / 64 * 64;
    return begin;
  };
  auto floats = [&take](int64_t rows, int64_t columns) { return take(size_t(rows) * size_t(columns) * sizeof(float)); };
  const Widths w = widest(card);
  at.x = floats(limits.tokens, card.embedding);
  at.x_outputs = floats(limits.outputs, card.embedding);
  at.normed = floats(limits.tokens, card.embedding);
  at.block_output = floats(limits.tokens, card.embedding);
  at.query = floats(limits.tokens, w.query);
  at.key = floats(limits.tokens, w.key);
  at.value = floats(limits.tokens, w.value);
  at.attended = floats(limits.tokens, w.attended);
  at.attended_outputs = floats(limits.outputs, w.attended);
  at.gate = floats(limits.tokens, w.feed_forward);
  at.up = floats(limits.tokens, w.feed_forward);
  at.prepared = take(prepared_room(card, device, limits.tokens));
  for (const RopeCard& rope : card.ropes) at.rope_tables.push_back(floats(limits.tokens, rope.rotary_dim));
  at.logits = holds_output ? floats(limits.outputs, card.vocabulary) : 0;
  return at;
}

}  // namespace

size_t activation_bytes(const ModelCard& card, const Device& device, const StepLimits& limits, bool holds_output) {
  return lay_out(card, device, limits, holds_output).total;
}

namespace {

size_t staged_hidden_bytes(const ModelCard& card, const StepLimits& limits) {
  return size_t(std::max(limits.tokens, limits.outputs)) * size_t(card.embedding) * sizeof(float);
}

}  // namespace

size_t staging_bytes(const ModelCard& card, const StepLimits& limits, bool holds_output) {
  const size_t logits = holds_output ? size_t(limits.outputs) * size_t(card.vocabulary) * sizeof(float) : 0;
  return staged_hidden_bytes(card, limits) + logits;
}

Activations::Activations(const ModelCard& card, Device& device, const StepLimits& limits, bool holds_output)
    : device_(device) {
  const ActivationOffsets at = lay_out(card, device, limits, holds_output);
  buffer_ = on_device(device, [&] { return device.allocate(at.total, BufferUse::kActivations); });
  x = view(at.x, card.embedding);
  x_outputs = view(at.x_outputs, card.embedding);
  normed_ = view(at.normed, card.embedding);
  block_output_ = view(at.block_output, card.embedding);
  for (size_t i = 0; i < card.ropes.size(); ++i) {
    rope_tables.push_back(view(at.rope_tables[i], card.ropes[i].rotary_dim));
  }
  if (holds_output) logits = view(at.logits, card.vocabulary);
  query_ = at.query;
  key_ = at.key;
  value_ = at.value;
  attended_ = at.attended;
  attended_outputs_ = at.attended_outputs;
  gate_ = at.gate;
  up_ = at.up;
  prepared_ = at.prepared;
  host_x = x;
  host_x_outputs = x_outputs;
  host_logits = logits;
  if (buffer_->host_data() == nullptr) stage(card, limits, holds_output);
}

/// One buffer: the hidden state of the tokens, or of the outputs in the same place, then the logits.
void Activations::stage(const ModelCard& card, const StepLimits& limits, bool holds_output) {
  const size_t hidden = staged_hidden_bytes(card, limits), bytes = staging_bytes(card, limits, holds_output);
  staging_ = on_device(device_, [&] { return device_.allocate(bytes, BufferUse::kStaging); });
  host_x = host_x_outputs = {staging_.get(), 0, x.columns, x.stride};
  if (holds_output) host_logits = {staging_.get(), hidden, logits.columns, logits.stride};
}

Tensor Activations::view(size_t offset, int64_t columns) const {
  return {buffer_.get(), offset, int32_t(columns), int32_t(columns)};
}

Tensor Activations::query(const LayerCard& l) const { return view(query_, int64_t{l.heads} * l.key_dim); }
Tensor Activations::key(const LayerCard& l) const { return view(key_, int64_t{l.kv_heads} * l.key_dim); }
Tensor Activations::value(const LayerCard& l) const { return view(value_, int64_t{l.kv_heads} * l.value_dim); }
Tensor Activations::attended(const LayerCard& l) const { return view(attended_, int64_t{l.heads} * l.value_dim); }
Tensor Activations::attended_outputs(const LayerCard& l) const {
  return view(attended_outputs_, int64_t{l.heads} * l.value_dim);
}
Tensor Activations::gate(const LayerCard& l) const { return view(gate_, l.feed_forward); }
Tensor Activations::up(const LayerCard& l) const { return view(up_, l.feed_forward); }

Activation Activations::forms(const Tensor& values, std::initializer_list<Weight> readers) const {
  Activation result;
  PreparedKinds kinds = 0;
  for (const Weight& reader : readers) {
    if (!reader) continue;
    const PreparedKinds wanted = device_.prepared_kinds(reader);
    if (wanted == 0) result.values = values;
    kinds |= wanted;
  }
  if (kinds) result.prepared = {buffer_.get(), prepared_, kinds, values.columns};
  return result;
}

Activation Activations::normed(std::initializer_list<Weight> readers) const { return forms(normed_, readers); }

Activation Activations::hidden(const LayerCard& layer, const Weight& reader) const {
  return forms(layer.feed_forward ? gate(layer) : Tensor{}, {reader});
}

Activation Activations::prepared_of(const Tensor& values, const Weight& reader) const {
  Activation result = forms(values, {reader});
  result.values = values;
  return result;
}

}  // namespace vivace
