// The activation memory of a decoder on one device: one buffer, cut up once, reused by every layer and step.
#pragma once

#include <initializer_list>
#include <memory>
#include <vector>

#include "device/device.h"
#include "models/model_card.h"

namespace vivace {

class Activations {
 public:
  Activations(const ModelCard& card, Device& device, const StepLimits& limits, bool holds_output);

  Tensor x;                         // [tokens, embedding] hidden state
  Tensor x_outputs;                 // [outputs, embedding]
  Tensor logits;                    // [outputs, vocabulary], where this device holds the output
  std::vector<Tensor> rope_tables;  // [ropes] of [tokens, rotary_dim]

  // Where the host reads and writes what crosses the device's border: the tensors themselves where it can touch them,
  // else twins in staging memory, which the device's operations copy from and to.
  Tensor host_x;          // [tokens, embedding]
  Tensor host_x_outputs;  // [outputs, embedding]
  Tensor host_logits;     // [outputs, vocabulary]
  bool staged() const { return staging_ != nullptr; }

  Tensor query(const LayerCard& layer) const;             // [tokens, heads * key_dim]
  Tensor key(const LayerCard& layer) const;               // [tokens, kv_heads * key_dim]
  Tensor value(const LayerCard& layer) const;             // [tokens, kv_heads * value_dim]
  Tensor attended(const LayerCard& layer) const;          // [tokens, heads * value_dim]
  Tensor attended_outputs(const LayerCard& layer) const;  // [outputs, heads * value_dim]
  Tensor gate(const LayerCard& layer) const;              // [tokens, feed_forward]
  Tensor up(const LayerCard& layer) const;                // [tokens, feed_forward]
  Tensor block_output() const { return block_output_; }   // [tokens, embedding] before the residual

  /// Where a norm should put its result for the weights that read it: f32 values, prepared forms or both.
  Activation normed(std::initializer_list<Weight> readers) const;
  /// Where the activation function should put its result for the down projection; values in place of the gate.
  Activation hidden(const LayerCard& layer, const Weight& reader) const;
  /// f32 values that exist, with room for the prepared forms that the reader wants.
  Activation prepared_of(const Tensor& values, const Weight& reader) const;

 private:
  Activation forms(const Tensor& values, std::initializer_list<Weight> readers) const;
  Tensor view(size_t offset, int64_t columns) const;
  void stage(const ModelCard& card, const StepLimits& limits, bool holds_output);

  Device& device_;
  std::unique_ptr<Buffer> buffer_;
  std::unique_ptr<Buffer> staging_;
  Tensor normed_, block_output_;
  size_t query_ = 0, key_ = 0, value_ = 0, attended_ = 0, attended_outputs_ = 0, gate_ = 0, up_ = 0, prepared_ = 0;
};

}  // namespace vivace
