// Which neighbours become one call.
#include "device/step_program.h"

#include <gtest/gtest.h>

#include "device/host_buffer.h"

namespace vivace {
namespace {

constexpr int32_t kHeads = 6, kKvHeads = 2, kHeadDim = 24, kRotary = 16, kColumns = kHeads * kHeadDim;

class StepProgram : public ::testing::Test {
 protected:
  Tensor tensor(int32_t columns) {
    buffers_.push_back(make_host_buffer(size_t(columns) * sizeof(float)));
    return {buffers_.back().get(), 0, columns, columns};
  }
  static NormArgs head_norm(const Tensor& x) {
    NormArgs norm;
    norm.input = norm.output = x;
    norm.segment = kHeadDim;
    return norm;
  }
  static NormArgs norm_of(const Tensor& input, const Tensor& output) {
    NormArgs norm;
    norm.input = input;
    norm.output = output;
    return norm;
  }
  RopeArgs rope(const Tensor& x, int32_t heads = kHeads) const {
    return {x, table_, heads, kHeadDim, kRotary, RopePairs::kHalves};
  }
  Tensor tensor_table() { return table_ = tensor(kRotary); }

  std::vector<std::unique_ptr<Buffer>> buffers_;
  Tensor table_;
};

TEST_F(StepProgram, FusesWhatALayerDoesBetweenItsMatmuls) {
  tensor_table();
  const Tensor x = tensor(kColumns), y = tensor(kColumns), q = tensor(kColumns), k = tensor(kKvHeads * kHeadDim);
  const Program fused = fuse(
      {AddArgs{RowSet::kTokens, x, y, x, 0.5f}, norm_of(x, y), head_norm(q), head_norm(k), rope(q), rope(k, kKvHeads)});
  ASSERT_EQ(fused.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<AddNormCall>(fused[0]));
  const auto* heads = std::get_if<HeadsCall>(&fused[1]);
  ASSERT_NE(heads, nullptr);
  EXPECT_EQ(heads->count, 2);
  EXPECT_TRUE(heads->items[0].norm && heads->items[0].table);
  EXPECT_EQ(heads->items[1].heads, kKvHeads);
}

TEST_F(StepProgram, LeavesApartWhatDoesNotFit) {
  tensor_table();
  const Tensor x = tensor(kColumns), y = tensor(kColumns), other = tensor(kColumns);
  const AddArgs add{RowSet::kTokens, x, y, x, 1};
  NormArgs outputs = norm_of(x, y);
  outputs.rows = RowSet::kOutputs;
  EXPECT_EQ(fuse({add, norm_of(other, y)}).size(), 2u) << "another input";
  EXPECT_EQ(fuse({add, outputs}).size(), 2u) << "other rows";
  EXPECT_EQ(fuse({rope(x), head_norm(x)}).size(), 2u) << "a norm after the rotation";
  EXPECT_EQ(fuse({rope(x), rope(x)}).size(), 2u) << "rotated twice";
  EXPECT_EQ(fuse({rope(x), rope(y), rope(other)}).size(), 2u) << "three tensors";
}

TEST_F(StepProgram, KnowsTheRowsOfACall) {
  const Tensor x = tensor(kColumns), y = tensor(kColumns);
  EXPECT_EQ(rows_of(GatherArgs{x, y}), RowSet::kOutputs);
  EXPECT_EQ(rows_of(CopyArgs{RowSet::kOutputs, x, y}), RowSet::kOutputs);
  EXPECT_EQ(rows_of(EmbedArgs{}), RowSet::kTokens);
  EXPECT_EQ(rows_of(AddNormCall{{RowSet::kOutputs, x, y, x, 1}, {}}), RowSet::kOutputs);
}

}  // namespace
}  // namespace vivace
