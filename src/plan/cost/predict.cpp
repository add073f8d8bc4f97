#include "plan/cost/predict.h"

#include <algorithm>
#include <cmath>

namespace vivace {
namespace {

bool is_matrix(const TensorCard& tensor) {
  return tensor_roles()[size_t(tensor.role)].shape == TensorShape::kMatrix && tensor.rows > 1;
}

/// A table that rows are only looked up in.
bool is_looked_up(const ModelCard& card, const TensorCard& tensor) {
  return tensor.role == TensorRole::kTokenEmbedding && !card.tied_output;
}

/// After the last layer's attention only the rows go on whose logits are wanted.
bool works_on_outputs(const ModelCard& card, const TensorCard& tensor) {
  if (tensor.layer < 0) return true;
  if (tensor.layer + 1 < int32_t(card.layers.size())) return false;
  using enum TensorRole;
  return tensor.role != kQuery && tensor.role != kKey && tensor.role != kValue;
}

int32_t device_of(const ModelCard& card, const Placement& placement, const TensorCard& tensor) {
  if (tensor.layer >= 0) return placement.device_of(size_t(tensor.layer), tensor.role);
  const bool input = tensor.role == TensorRole::kTokenEmbedding && !card.tied_output;
  return input ? placement.embedding : placement.output;
}

/// Share of a tensor's rows that `tokens` tokens touch together, each of them `active_share` of them at random.
double touched_share(const TensorCard& tensor, double tokens) {
  if (tensor.active_share >= 1) return 1;
  return 1 - std::pow(1 - double(tensor.active_share), std::max(1.0, tokens));
}

double kv_bytes_of_position(const LayerCard& layer, const FormatRow& format) {
  return double(layer.kv_heads) * (layer.key_dim + layer.value_dim) * format.block_bytes / format.block_columns;
}

/// Positions that one token at this depth sees.
double positions_seen(const LayerCard& layer, double depth) {
  return layer.window > 0 ? std::min(depth, double(layer.window)) : depth;
}

/// Of all tokens of a stream together, the first of them at `depth`.
double positions_seen_by(const LayerCard& layer, double depth, double tokens) {
  return tokens * positions_seen(layer, depth + (tokens + 1) / 2);
}

/// Bytes that a step reads on each device.
std::vector<double> step_bytes(const StepSetting& s, const StepLoad& load) {
  std::vector<double> bytes(s.speeds.size(), 0);
  for (const TensorCard& tensor : s.card.tensors) {
    if (!is_matrix(tensor) || is_looked_up(s.card, tensor)) continue;
    bytes[size_t(device_of(s.card, s.placement, tensor))] +=
        double(tensor.file_bytes) * touched_share(tensor, load.tokens * load.streams);
  }
  const FormatRow& kv = format_row(s.kv_format);
  for (size_t i = 0; i < s.card.layers.size(); ++i) {
    const LayerCard& layer = s.card.layers[i];
    bytes[size_t(s.placement.layers[i])] +=
        load.streams * positions_seen(layer, load.depth + load.tokens) * kv_bytes_of_position(layer, kv);
  }
  return bytes;
}

double attention_seconds(const StepSetting& s, const LayerCard& layer, const DeviceSpeed& speed, const StepLoad& load,
                         double bytes_of_step) {
  const AttentionSpeed& rates = attention_of(speed, s.kv_format);
  const double positions = load.streams * positions_seen_by(layer, load.depth, load.tokens);
  const double macs = positions * layer.heads * (layer.key_dim + layer.value_dim);
  if (load.tokens > 1) return rates.prefill_macs > 0 ? macs / rates.prefill_macs : 0;
  const double faster = std::max(1.0, stream_rate(speed, bytes_of_step) / speed.bytes_per_second);
  const double bytes = positions * kv_bytes_of_position(layer, format_row(s.kv_format));
  const double reading = rates.decode_bytes > 0 ? bytes / (rates.decode_bytes * faster) : 0;
  return std::max(reading, rates.decode_macs > 0 ? macs / rates.decode_macs : 0);
}

/// f32 values that a token's way through the halves of a layer writes between the products.
double values_of_attention(const ModelCard& card, const LayerCard& layer) {
  const double heads = double(layer.heads) * layer.key_dim + double(layer.kv_heads) * (layer.key_dim + layer.value_dim);
  return 2.0 * card.embedding + 2.0 * heads;
}
double values_of_feed_forward(const ModelCard& card, const LayerCard& layer) {
  return 2.0 * card.embedding + 2.0 * layer.feed_forward;
}

/// Of half a layer, beside its products.
double between_seconds(const DeviceSpeed& speed, double values) {
  return speed.layer_seconds / 2 + (speed.values_per_second > 0 ? values / speed.values_per_second : 0);
}

/// The hidden state's way across each border between devices.
double hop_seconds(const StepSetting& s, double tokens, double outputs) {
  double seconds = 0;
  int32_t at = s.placement.embedding;
  const auto cross = [&](int32_t to, double rows) {
    if (to == at) return;
    const double bytes = rows * s.card.embedding * sizeof(float);
    const DeviceSpeed &from = s.speeds[size_t(at)], &into = s.speeds[size_t(to)];
    if (from.link_down > 0) seconds += bytes / from.link_down;
    if (into.link_up > 0) seconds += bytes / into.link_up;
    seconds += into.step_seconds;  // a step of that device begins
    at = to;
  };
  for (size_t i = 0; i < s.card.layers.size(); ++i) {
    cross(s.placement.layers[i], tokens);
    cross(s.placement.feed_forward_of(i), i + 1 < s.card.layers.size() ? tokens : outputs);
  }
  cross(s.placement.output, outputs);
  return seconds;
}

}  // namespace

StepTime predict_step(const StepSetting& s, const StepLoad& load) {
  StepTime time;
  const std::vector<double> bytes = step_bytes(s, load);
  const double all_tokens = load.tokens * load.streams;
  for (const TensorCard& tensor : s.card.tensors) {
    if (!is_matrix(tensor) || is_looked_up(s.card, tensor)) continue;
    const size_t device = size_t(device_of(s.card, s.placement, tensor));
    const double tokens = works_on_outputs(s.card, tensor) ? load.outputs : all_tokens;
    if (tokens <= 0) continue;
    const double touched = touched_share(tensor, tokens);
    // Experts share the tokens among them.
    const double each = std::max(1.0, tokens * tensor.active_share / touched);
    time.weights += matmul_seconds(s.speeds[device], tensor.format->format, double(tensor.rows) * touched,
                                   double(tensor.columns), each, bytes[device]);
    if (s.disk_share > 0 && s.disk_bytes_per_second > 0) {
      time.disk += double(tensor.file_bytes) * touched * s.disk_share / s.disk_bytes_per_second;
    }
  }
  for (size_t i = 0; i < s.card.layers.size(); ++i) {
    const LayerCard& layer = s.card.layers[i];
    const size_t device = size_t(s.placement.layers[i]);
    const DeviceSpeed& speed = s.speeds[device];
    time.attention += attention_seconds(s, layer, speed, load, bytes[device]);
    time.attention += (load.streams - 1) * layer.heads * speed.head_seconds;
    time.between += between_seconds(speed, all_tokens * values_of_attention(s.card, layer));
    time.between += between_seconds(s.speeds[size_t(s.placement.feed_forward_of(i))],
                                    all_tokens * values_of_feed_forward(s.card, layer));
  }
  time.between += s.speeds[size_t(s.placement.embedding)].step_seconds;
  time.hops = hop_seconds(s, all_tokens, load.outputs);
  return time;
}

StepTime& StepTime::operator+=(const StepTime& other) {
  weights += other.weights;
  attention += other.attention;
  between += other.between;
  hops += other.hops;
  disk += other.disk;
  return *this;
}

StepTime predict_prefill(const StepSetting& setting, int32_t tokens, int32_t depth, int32_t batch) {
  StepTime time;
  for (int32_t done = 0; done < tokens; done += batch) {
    const int32_t now = std::min(batch, tokens - done);
    StepLoad load;
    load.tokens = now;
    load.depth = depth + done;
    load.outputs = done + now == tokens ? 1 : 0;
    time += predict_step(setting, load);
  }
  return time;
}

double predict_decode_rate(const StepSetting& setting, int32_t streams, int32_t depth) {
  StepLoad load;
  load.streams = load.outputs = streams;
  load.depth = depth;
  const double seconds = predict_step(setting, load).total();
  return seconds > 0 ? streams / seconds : 0;
}

double bytes_per_token(const ModelCard& card, Format kv_format, double depth) {
  double bytes = 0;
  for (const TensorCard& tensor : card.tensors) {
    if (is_matrix(tensor) && !is_looked_up(card, tensor)) bytes += double(tensor.file_bytes) * touched_share(tensor, 1);
  }
  for (const LayerCard& layer : card.layers) {
    bytes += positions_seen(layer, depth) * kv_bytes_of_position(layer, format_row(kv_format));
  }
  return bytes;
}

}  // namespace vivace
