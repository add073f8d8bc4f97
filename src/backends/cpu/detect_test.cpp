// The choice of a kernel set.
#include "backends/cpu/detect.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace vivace {
namespace {

TEST(Detect, ScalarIsAlwaysThereAndLast) {
  ASSERT_FALSE(available_isas().empty());
  EXPECT_EQ(available_isas().back(), "scalar");
}

TEST(Detect, NamesChooseAndTheBestIsTheDefault) {
  for (const std::string& name : available_isas()) EXPECT_EQ(kernel_table(name).isa, name);
  EXPECT_EQ(kernel_table("").isa, available_isas().front());
}

TEST(Detect, UnknownNamesAreToldWhatThereIs) {
  try {
    kernel_table("mmx");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_NE(error.hint().find("scalar"), std::string::npos);
  }
}

TEST(Detect, EveryFormatHasAKernelRow) {
  for (const std::string& name : available_isas()) {
    const KernelTable& table = kernel_table(name);
    bool native = true;
    EXPECT_NE(matmul_row(table, Format::kIQ1_S, Layout::kRows, &native).run, nullptr);
    EXPECT_FALSE(native);
    matmul_row(table, Format::kQ4_K, Layout::kPanel16, &native);
    EXPECT_TRUE(native);
  }
}

}  // namespace
}  // namespace vivace
