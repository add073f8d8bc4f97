#include "base/os/shared_library.h"

#include <gtest/gtest.h>

namespace vivace {
namespace {

TEST(SharedLibrary, FindsFunctionsOfTheFirstNameThatExists) {
#if defined(__linux__)
  const SharedLibrary math({"libnowhere.so.0", "libm.so.6"});
  ASSERT_TRUE(math);
  const auto cosine = reinterpret_cast<double (*)(double)>(math.find("cos"));
  ASSERT_NE(cosine, nullptr);
  EXPECT_EQ(cosine(0), 1);
  EXPECT_EQ(math.find("no_such_function"), nullptr);
#else
  GTEST_SKIP() << "did not run: the name of a library is Linux's";
#endif
}

TEST(SharedLibrary, IsEmptyWhereNothingIsFound) {
  const SharedLibrary nothing({"libnowhere.so.0"});
  EXPECT_FALSE(nothing);
  EXPECT_EQ(nothing.find("cos"), nullptr);
}

}  // namespace
}  // namespace vivace
