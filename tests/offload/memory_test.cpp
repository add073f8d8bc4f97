// Cards of every size: each load runs within its budget or refuses with the reason, and takes what was predicted.
#include "../support/plain_model.h"
#include "offload_rig.h"

namespace vivace::test {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

/// About 60 MiB of weights in F32.
std::filesystem::path write_model(const TempFolder& folder) {
  PlainSpec spec;
  spec.layers = 10;
  spec.embedding = 256;
  spec.heads = 4;
  spec.kv_heads = 2;
  spec.head_dim = 64;
  spec.feed_forward = 1024;
  spec.vocabulary = 4000;
  PlainModel plain = make_plain_model(spec);
  write_plain_model(plain, folder / "model.gguf");
  return folder / "model.gguf";
}

class SmallCards : public Offload {};

TEST_F(SmallCards, AutomaticPlacementsRunWithinTheirBudget) {
  TempFolder folder;
  const std::filesystem::path path = write_model(folder);
  const std::vector<TokenId> tokens = random_tokens(8, 4000, 1);
  std::vector<float> expected;
  int32_t before = 0;
  for (size_t memory = 0; memory <= 80 * kMiB; memory += 10 * kMiB) {
    SCOPED_TRACE(std::to_string(memory / kMiB) + " MiB");
    OffloadRig rig(1, memory);
    ModelSource source = rig.source(path, gpu_wishes(256));
    source.load();
    const size_t allocated = rig.devices[1]->allocated_bytes();
    EXPECT_LE(allocated, memory);
    EXPECT_EQ(allocated, source.plan().ledgers[1].total());
    const int32_t count = gpu_layers_of(source.plan(), source.devices());
    EXPECT_GE(count, before) << "more memory, fewer layers";
    before = count;
    const std::vector<float> logits = logits_of(source, tokens);
    if (expected.empty()) expected = logits;
    ASSERT_EQ(logits.size(), expected.size());
    for (size_t i = 0; i < logits.size(); ++i) ASSERT_NEAR(logits[i], expected[i], 0.15);
    EXPECT_TRUE(rig.notes.empty());
  }
  EXPECT_EQ(before, 10) << "all layers fit at last";
}

TEST_F(SmallCards, AWishThatDoesNotFitIsRefusedWithWhatFits) {
  TempFolder folder;
  const std::filesystem::path path = write_model(folder);
  for (size_t memory : {0 * kMiB, 10 * kMiB, 30 * kMiB}) {
    SCOPED_TRACE(std::to_string(memory / kMiB) + " MiB");
    OffloadRig rig(1, memory);
    try {
      rig.source(path, gpu_wishes(256, 10));
      ADD_FAILURE() << "was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
      EXPECT_NE(std::string(error.what()).find("vulkan0"), std::string::npos) << error.what();
      const size_t at = error.hint().find("--gpu-layers ");
      ASSERT_NE(at, std::string::npos) << error.hint();
      const int32_t fits = std::stoi(error.hint().substr(at + 13));
      ModelSource source = rig.source(path, gpu_wishes(256, fits));
      source.load();
      EXPECT_EQ(rig.devices[1]->allocated_bytes(), source.plan().ledgers[1].total());
    }
  }
}

TEST_F(SmallCards, UnequalGpusAreFilledByTheirRoom) {
  TempFolder folder;
  const std::filesystem::path path = write_model(folder);
  OffloadRig rig(2, 30 * kMiB);
  ModelSource source = rig.source(path, gpu_wishes(256));
  source.load();
  for (size_t d : {1, 2}) {
    EXPECT_GT(rig.devices[d]->allocated_bytes(), 0u);
    EXPECT_EQ(rig.devices[d]->allocated_bytes(), source.plan().ledgers[d].total());
  }
}

}  // namespace
}  // namespace vivace::test
