// Cards without files: the sizes that known mixes give known shapes, and files of architectures that can't run.
#include "models/paper_card.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "gguf/writer.h"
#include "models/kv_layout.h"
#include "models/model_file.h"
#include "models/quant_mix.h"

namespace vivace {
namespace {

ModelShape llama(int32_t layers, int32_t embedding, int32_t heads, int32_t kv_heads, int32_t feed_forward,
                 int32_t vocabulary) {
  return {.name = "llama",
          .architecture = "llama",
          .layers = layers,
          .embedding = embedding,
          .heads = heads,
          .kv_heads = kv_heads,
          .head_dim = 128,
          .feed_forward = feed_forward,
          .vocabulary = vocabulary,
          .context_length = 4096};
}

const ModelShape k7B = llama(32, 4096, 32, 32, 11008, 32000);
const ModelShape k70B = llama(80, 8192, 64, 8, 28672, 32000);
const ModelShape k8B = llama(32, 4096, 32, 8, 14336, 128256);

ModelShape mixtral() {
  ModelShape shape = llama(32, 4096, 32, 8, 0, 32000);
  shape.experts = 8;
  shape.experts_used = 2;
  shape.expert_feed_forward = 14336;
  return shape;
}

struct Sized {
  const ModelShape& shape;
  const char* mix;
  size_t bytes;
};

// Of the tensors that shared/tools/synth_gguf.py, which follows llama-quantize, writes for the same shapes.
TEST(QuantMix, GivesKnownShapesTheirSizes) {
  const ModelShape experts = mixtral();
  const Sized rows[] = {
      {k7B, "q4_k_m", 4080263168},      {k7B, "Q4_0", 3825065984},        {k7B, "q8_0", 7160348672},
      {k7B, "q2_k", 2532122624},        {k7B, "q3_k_m", 3297263616},      {k7B, "q5_k_s", 4650950656},
      {k7B, "q6_k", 5528453120},        {k7B, "iq4_xs", 3646775296},      {k7B, "iq3_xxs", 2701402112},
      {k7B, "iq2_m", 2359009280},       {k7B, "iq1_s", 1527840768},       {k7B, "f16", 13477363712},
      {k70B, "q4_k_m", 41422143488},    {k70B, "q2_k", 25461669888},      {k70B, "q3_k_m", 33273970688},
      {k70B, "iq4_xs", 37196054528},    {k70B, "iq3_xxs", 27773452288},   {k70B, "iq1_s", 14534770688},
      {k8B, "q4_k_m", 4912898048},      {k8B, "q5_k_s", 5591457792},      {k8B, "iq2_m", 2940444672},
      {experts, "q4_k_m", 28447727616}, {experts, "q3_k_m", 22545711104}, {experts, "iq3_xxs", 19195928576},
      {experts, "q8_0", 49625579520},
  };
  for (const Sized& row : rows) EXPECT_EQ(shape_card(row.shape, row.mix).weight_bytes(), row.bytes) << row.mix;
}

TEST(QuantMix, NamesAreChecked) {
  EXPECT_EQ(mix_name("q4_k_m"), "Q4_K_M");
  EXPECT_THROW(mix_name("q4_k_x"), Error);
  EXPECT_THROW(shape_card(k7B, "nonsense"), Error);
  EXPECT_THROW(shape_card(k7B, "pure:nonsense"), Error);
  for (const std::string& name : mix_names()) EXPECT_GT(shape_card(k7B, name).weight_bytes(), 0u) << name;
  EXPECT_EQ(shape_card(k7B, "pure:q4_0").find(TensorRole::kOutput)->format->format, Format::kQ4_0);
}

TEST(PaperCard, RowsThatDoNotDivideIntoBlocksGetAnotherFormat) {
  ModelShape odd = k7B;
  odd.embedding = 576;
  const ModelCard card = shape_card(odd, "Q4_K_M");
  EXPECT_EQ(card.find(TensorRole::kQuery, 10)->format->format, Format::kQ5_0);
  EXPECT_EQ(card.find(TensorRole::kOutput)->format->format, Format::kQ8_0);
  EXPECT_THROW(shape_card(odd, "pure:q4_k"), Error) << "as asked, or not at all";
}

TEST(PaperCard, SaysWhatCannotRun) {
  EXPECT_TRUE(shape_card(k7B, "q8_0").not_runnable.empty());
  EXPECT_FALSE(shape_card(mixtral(), "q8_0").not_runnable.empty());
  ModelShape other = k7B;
  other.architecture = "rwkv";
  EXPECT_NE(shape_card(other, "q8_0").not_runnable.find("rwkv"), std::string::npos);
}

TEST(PaperCard, ImpossibleShapesAreRefusedByName) {
  for (auto change : {+[](ModelShape& s) { s.layers = 0; }, +[](ModelShape& s) { s.heads = 0; },
                      +[](ModelShape& s) { s.kv_heads = 64; }, +[](ModelShape& s) { s.vocabulary = -1; },
                      +[](ModelShape& s) { s.feed_forward = 0; }, +[](ModelShape& s) { s.experts = -1; },
                      +[](ModelShape& s) { s.head_dim = 1 << 30; }}) {
    ModelShape shape = k7B;
    change(shape);
    EXPECT_THROW(shape_card(shape, "q8_0"), Error);
  }
}

TEST(PaperCard, ALatentCacheIsOneVectorPerToken) {
  ModelShape latent = k7B;
  latent.head_dim = 192;
  latent.latent_dim = 576;
  const ModelCard card = shape_card(latent, "q8_0");
  Placement placement;
  placement.layers.assign(card.layers.size(), 0);
  const KvLayout kv = make_kv_layout(card, placement, Format::kF16);
  EXPECT_EQ(kv.groups[0].page_bytes, size_t{32} * 576 * 2 * 32) << "layers, columns, bytes, positions";
}

/// A header of a model whose architecture nobody knows.
GgufWriter foreign_header(bool complete = true) {
  GgufWriter writer;
  writer.set_string("general.architecture", "newllm");
  writer.set_u32("newllm.context_length", 1000);
  if (complete) writer.set_u32("newllm.embedding_length", 64);
  writer.set_u32("newllm.block_count", 2);
  writer.set_u32("newllm.attention.head_count", 4);
  writer.set_u32("newllm.attention.head_count_kv", 2);
  writer.set_u32("newllm.expert_count", 4);
  writer.set_u32("newllm.expert_used_count", 1);
  static const std::vector<uint8_t> zeros(1 << 16);
  const auto add = [&](const char* name, std::vector<uint64_t> dims) {
    uint64_t values = 1;
    for (uint64_t dim : dims) values *= dim;
    writer.add_tensor(name, std::move(dims), 0, std::span(zeros).first(values * 4));
  };
  add("token_embd.weight", {64, 100});
  add("output_norm.weight", {64});
  for (const char* layer : {"blk.0.", "blk.1."}) {
    add((std::string(layer) + "attn_mystery.weight").c_str(), {64, 64});
    add((std::string(layer) + "ffn_up_exps.weight").c_str(), {64, 16, 4});
  }
  return writer;
}

TEST(PaperCard, AFileOfAnUnknownArchitectureCanBePlanned) {
  const std::vector<uint8_t> bytes = foreign_header().to_bytes();
  const ModelCard card = read_card_for_planning(open_model_memory(bytes));
  EXPECT_NE(card.not_runnable.find("newllm"), std::string::npos);
  EXPECT_EQ(card.layers.size(), 2u);
  EXPECT_EQ(card.layers[1].kv_heads, 2);
  EXPECT_EQ(card.layers[1].key_dim, 16);
  EXPECT_EQ(card.vocabulary, 100);
  EXPECT_TRUE(card.tied_output);
  EXPECT_EQ(card.weight_bytes(), size_t{4} * (64 * 100 + 64 + 2 * (64 * 64 + 64 * 64)));
  int experts = 0;
  for (const TensorCard& tensor : card.tensors) experts += tensor.active_share == 0.25f;
  EXPECT_EQ(experts, 2);
}

TEST(PaperCard, AFileThatDoesNotTellItsSizeIsRefused) {
  const std::vector<uint8_t> bytes = foreign_header(false).to_bytes();
  EXPECT_THROW(read_card_for_planning(open_model_memory(bytes)), Error);
}

}  // namespace
}  // namespace vivace
