// Blocks of memory: aligned, zero, movable, refused when absurd.
#include "base/os/large_pages.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>

#include "base/error.h"

namespace vivace {
namespace {

TEST(PageMemory, AlignedZeroedAndWritable) {
  for (const size_t bytes : {size_t{1}, size_t{4096}, size_t{4097}, (size_t{5} << 20) + 3}) {
    for (const auto pages : {PageMemory::Pages::kNormal, PageMemory::Pages::kLarge}) {
      PageMemory memory(bytes, pages);
      ASSERT_EQ(memory.size(), bytes);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.data()) % PageMemory::kAlignment, 0u);
      EXPECT_EQ(memory.data()[0], std::byte{0});
      EXPECT_EQ(memory.data()[bytes - 1], std::byte{0});
      memory.data()[bytes - 1] = std::byte{7};
    }
  }
}

TEST(PageMemory, Moves) {
  PageMemory a(100);
  a.data()[3] = std::byte{9};
  PageMemory b(std::move(a));
  EXPECT_EQ(b.data()[3], std::byte{9});
  PageMemory c;
  c = std::move(b);
  EXPECT_EQ(c.data()[3], std::byte{9});
  EXPECT_EQ(c.size(), 100u);
}

TEST(PageMemory, EmptyAndAbsurdSizes) {
  EXPECT_EQ(PageMemory(0).data(), nullptr);
  for (const size_t bytes : {SIZE_MAX, SIZE_MAX / 2, size_t{1} << 62}) {
    try {
      PageMemory memory(bytes);
      FAIL() << bytes;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kOutOfMemory);
    }
  }
}

TEST(PageMemory, DiscardKeepsTheRest) {
  PageMemory memory(size_t{4} << 20);
  for (size_t i = 0; i < memory.size(); i += 4096) memory.data()[i] = std::byte{5};
  memory.discard(4096, size_t{1} << 20);
  EXPECT_EQ(memory.data()[0], std::byte{5});
  EXPECT_EQ(memory.data()[size_t{2} << 20], std::byte{5});
  memory.discard(memory.size(), 0);
  EXPECT_THROW(memory.discard(memory.size(), 1), Error);
  EXPECT_THROW(memory.discard(1, SIZE_MAX), Error);
}

}  // namespace
}  // namespace vivace
