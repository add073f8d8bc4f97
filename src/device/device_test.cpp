#include "device/device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "device/host_buffer.h"
#include "device/reference/reference_device.h"

namespace vivace {
namespace {

template <class Call>
ErrorCode error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::kCancelled;
}

TEST(HostBuffer, IsZeroedAlignedAndBounded) {
  for (size_t bytes : {size_t{0}, size_t{1}, size_t{100}, size_t{1} << 20}) {
    const auto buffer = make_host_buffer(bytes);
    ASSERT_EQ(buffer->size(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->host_data()) % 64, 0u);
    std::vector<uint8_t> read(bytes, 1);
    buffer->read(0, read);
    EXPECT_EQ(read, std::vector<uint8_t>(bytes, 0));
  }
  const auto buffer = make_host_buffer(10);
  const std::vector<uint8_t> written{1, 2, 3};
  buffer->write(7, written);
  std::vector<uint8_t> read(3);
  buffer->read(7, read);
  EXPECT_EQ(read, written);
  EXPECT_EQ(error_of([&] { buffer->write(8, written); }), ErrorCode::kInternal);
  EXPECT_EQ(error_of([&] { buffer->read(SIZE_MAX, read); }), ErrorCode::kInternal);
}

TEST(HostBuffer, SaysWhenThereIsNoMemory) {
  EXPECT_EQ(error_of([] { make_host_buffer(SIZE_MAX); }), ErrorCode::kOutOfMemory);
}

TEST(StepInputs, PartsDontOverlap) {
  StepInputs inputs({.tokens = 5, .sequences = 3, .outputs = 2, .kv_groups = 2, .pages = 4});
  int32_t next = 1;
  const auto fill = [&next](int32_t* part, int32_t count) {
    for (int32_t i = 0; i < count; ++i) part[i] = next++;
  };
  inputs.tokens() = next++, inputs.sequences() = next++, inputs.outputs() = next++;
  fill(inputs.token_ids(), 5), fill(inputs.positions(), 5), fill(inputs.token_sequence(), 5);
  fill(inputs.output_rows(), 2), fill(inputs.sequence_begin(), 3), fill(inputs.sequence_tokens(), 3);
  for (int32_t g = 0; g < 2; ++g) {
    for (int32_t s = 0; s < 3; ++s) fill(inputs.page_table(g, s), 4);
  }
  std::vector<bool> seen(next);
  for (int32_t value : inputs.block()) seen.at(value) = true;
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), next) << "a part was overwritten";
}

TEST(ReferenceDevice, HasEveryFormat) {
  const auto device = make_reference_device("oracle");
  EXPECT_EQ(device->info().id, "oracle");
  EXPECT_GT(device->info().memory_usable, 0u);
  for (const FormatRow& row : formats()) {
    EXPECT_NE(find_kernel(device->info(), KernelOp::kMatmul, row.format, Layout::kRows), nullptr) << row.name;
    EXPECT_NE(find_kernel(device->info(), KernelOp::kEmbed, row.format, Layout::kRows), nullptr) << row.name;
    EXPECT_EQ(find_kernel(device->info(), KernelOp::kMatmul, row.format, Layout::kPanel16) != nullptr,
              has_panel16(row.format));
  }
  EXPECT_EQ(find_kernel(device->info(), KernelOp::kKv, Format::kQ6_K, Layout::kRows), nullptr);
}

TEST(ReferenceDevice, KeepsTheFirstErrorForSyncAndSkipsCallsUntilThen) {
  const auto device = make_reference_device();
  StepInputs inputs({.tokens = 1});
  inputs.tokens() = 1;
  const auto stream = device->create_stream(inputs);
  const auto memory = device->allocate(64, BufferUse::kActivations);
  const Tensor fits{memory.get(), 0, 8, 8}, outside{memory.get(), 60, 8, 8};
  const float one = 1;
  memory->write(0, {reinterpret_cast<const uint8_t*>(&one), sizeof(one)});
  stream->copy({RowSet::kTokens, fits, outside});
  stream->scale({RowSet::kTokens, fits, fits, 5, 0});
  EXPECT_EQ(error_of([&] { stream->sync(); }), ErrorCode::kInternal);
  stream->scale({RowSet::kTokens, fits, fits, 3, 0});
  stream->sync();
  float result = 0;
  std::memcpy(&result, memory->host_data(), sizeof(result));
  EXPECT_EQ(result, 3);
}

}  // namespace
}  // namespace vivace
