// What sets one architecture apart from the next, as data. Rows are in models/arch/<name>.cpp, listed in registry.cpp.
#pragma once

#include <cstdint>

#include "device/ops.h"

namespace vivace {

class Metadata;
struct ModelCard;

struct ArchSpec {
  const char* name = nullptr;  // general.architecture
  NormKind norm = NormKind::kRms;
  GluKind glu = GluKind::kSilu;
  bool gated = true;  // the feed-forward has a gate
  RopePairs rope_pairs = RopePairs::kNeighbours;
  bool head_norms = false;       // q and k are normalised per head
  bool post_norms = false;       // attention and feed-forward outputs are normalised before the residual
  bool scale_embedding = false;  // by sqrt(embedding)
  /// With a sliding window, every n-th layer still sees all positions (layers n-1, 2n-1, ...); 0: no layer does.
  int32_t full_attention_every = 0;
  /// Rope base of windowed layers where the file has no rope.freq_base_swa; 0: they share the one rope.
  float window_rope_base = 0;
  /// What the rows above can't say; null for most.
  void (*adjust)(const Metadata& metadata, ModelCard& card) = nullptr;
};

/// The row of an architecture, or null.
const ArchSpec* find_arch(const char* name);

extern const ArchSpec kLlama;
extern const ArchSpec kGemma3;

}  // namespace vivace
