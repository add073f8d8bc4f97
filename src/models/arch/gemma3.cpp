// Gemma 3 (text): norms on both sides of each block, five windowed layers to each full one, two rope bases. The +1 of
// its norms is already in the file's weights.
#include <cmath>

#include "models/arch/arch_spec.h"
#include "models/model_card.h"

namespace vivace {
namespace {

/// The 27B model scales queries by its embedding width over its heads, the others by the head width.
void adjust(const Metadata& /*metadata*/, ModelCard& card) {
  constexpr size_t kLayersOf27B = 62;
  if (card.layers.size() == kLayersOf27B) {
    card.attention_scale = 1 / std::sqrt(float(card.embedding) / float(card.layers[0].heads));
  }
}

}  // namespace

const ArchSpec kGemma3{
    .name = "gemma3",
    .glu = GluKind::kGeluTanh,
    .rope_pairs = RopePairs::kHalves,
    .head_norms = true,
    .post_norms = true,
    .scale_embedding = true,
    .full_attention_every = 6,
    .window_rope_base = 10000,
    .adjust = adjust,
};

}  // namespace vivace
