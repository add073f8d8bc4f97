#include "device/step_needs.h"

#include <gtest/gtest.h>

namespace vivace {
namespace {

class StepNeedsTest : public ::testing::Test {
 protected:
  StepNeedsTest() {
    inputs_.tokens() = 2;
    inputs_.token_ids()[0] = 3;
    inputs_.positions()[0] = 31;
    inputs_.positions()[1] = 32;
    std::fill_n(inputs_.page_table(1, 0), 3, -1);
    inputs_.page_table(1, 0)[0] = inputs_.page_table(1, 0)[1] = 7;
    EmbedArgs embed;
    embed.table.rows = 4;
    needs_.add(embed);
    KvWriteArgs write;
    write.kv.group = 1;
    needs_.add(write);
  }
  ErrorCode error() const {
    try {
      needs_.check(inputs_);
    } catch (const Error& thrown) {
      return thrown.code();
    }
    return ErrorCode::kCancelled;  // none
  }

  StepInputs inputs_{{.tokens = 4, .sequences = 2, .kv_groups = 2, .pages = 3}};
  StepNeeds needs_;
};

TEST_F(StepNeedsTest, AreMetByAWholeStep) { EXPECT_EQ(error(), ErrorCode::kCancelled); }

TEST_F(StepNeedsTest, RefuseTokensOutsideTheVocabulary) {
  for (int32_t id : {-1, 4, 2147483647}) {
    inputs_.token_ids()[1] = id;
    EXPECT_EQ(error(), ErrorCode::kInvalidArgument) << id;
  }
  inputs_.tokens() = 1;  // the other is not read
  EXPECT_EQ(error(), ErrorCode::kCancelled);
}

TEST_F(StepNeedsTest, RefusePositionsWithoutAPage) {
  for (int32_t position : {-1, 64, 96, 2147483647}) {
    inputs_.positions()[1] = position;
    EXPECT_EQ(error(), ErrorCode::kInternal) << position;
  }
  inputs_.positions()[1] = 32;
  inputs_.token_sequence()[1] = 5;
  EXPECT_EQ(error(), ErrorCode::kInternal);
}

}  // namespace
}  // namespace vivace
