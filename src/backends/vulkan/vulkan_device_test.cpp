// The device on whatever driver there is: memory and its budget, faults, steps that are recorded and replayed, the
// pipeline file. The validation layer is on; what it says fails the test.
#include "backends/vulkan/vulkan_device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iostream>
#include <thread>
#include <vector>

#include "base/error.h"

namespace vivace::vulkan {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

ErrorCode code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCode::kInternal;
}

GpuOptions tested() {
  GpuOptions options;
  options.validation = [](const std::string& message) { ADD_FAILURE() << message; };
  return options;
}

/// Tests on the first GPU, which they share.
class VulkanDeviceTest : public ::testing::Test {
 protected:
  static std::shared_ptr<Gpu>& gpu() {
    static std::shared_ptr<Gpu> shared;
    return shared;
  }
  void SetUp() override {
    if (list_gpus().empty()) GTEST_SKIP() << "did not run: there is no Vulkan device (Debian: mesa-vulkan-drivers)";
    if (gpu() == nullptr) gpu() = Gpu::open(tested());
    if (!gpu()->validated()) std::cout << "did not run: the validation layer is not installed\n";
  }
  static void TearDownTestSuite() { gpu().reset(); }

  static std::unique_ptr<Device> device_with(const char* faults, std::optional<size_t> memory = {},
                                             bool unified = false) {
    VulkanOptions options;
    options.memory = memory;
    options.faults = parse_device_faults(faults);
    options.unified = unified;
    return make_vulkan_device(gpu(), options);
  }
};

/// A device with a stream over x [tokens, 64] -> y, doubled at each step.
struct Doubling {
  std::unique_ptr<Device> device;
  StepInputs inputs{{.tokens = 32, .sequences = 2, .outputs = 8, .kv_groups = 1, .pages = 4}};
  std::unique_ptr<Buffer> x, y;
  std::unique_ptr<Stream> stream;

  explicit Doubling(std::unique_ptr<Device> on) : device(std::move(on)) {
    x = device->allocate(32 * 64 * sizeof(float), BufferUse::kStaging);
    y = device->allocate(32 * 64 * sizeof(float), BufferUse::kActivations);
    float* values = reinterpret_cast<float*>(x->host_data());
    for (int i = 0; i < 32 * 64; ++i) values[i] = float(i);
    stream = device->create_stream(inputs);
  }

  void set_tokens(int32_t tokens, int32_t outputs = 0) {
    inputs.tokens() = tokens;
    inputs.outputs() = outputs;
    inputs.sequences() = 1;
    inputs.sequence_tokens()[0] = tokens;
    for (int32_t t = 0; t < tokens; ++t) inputs.positions()[t] = t;
    for (int32_t o = 0; o < outputs; ++o) inputs.output_rows()[o] = tokens - 1 - o;
  }
  Tensor tensor(const std::unique_ptr<Buffer>& buffer) const { return {buffer.get(), 0, 64, 64}; }
  void calls() { stream->scale({RowSet::kTokens, tensor(x), tensor(y), 2, 0}); }
  std::vector<float> result() const {
    std::vector<float> values(32 * 64);
    y->read(0, {reinterpret_cast<uint8_t*>(values.data()), values.size() * sizeof(float)});
    return values;
  }
};

TEST_F(VulkanDeviceTest, SaysWhatItIs) {
  const auto device = device_with("");
  const DeviceInfo& info = device->info();
  EXPECT_EQ(info.id, "vulkan0");
  EXPECT_EQ(info.name, list_gpus().front().name);
  EXPECT_FALSE(info.host_memory);
  EXPECT_GT(info.memory_usable, kMiB);
  EXPECT_GT(info.largest_buffer, kMiB);
  for (Format format : {Format::kF32, Format::kF16, Format::kQ8_0, Format::kQ4_0}) {
    EXPECT_NE(find_kernel(info, KernelOp::kKv, format, Layout::kRows), nullptr);
  }
  EXPECT_EQ(code_of([] {
              GpuOptions options;
              options.index = 1000;
              Gpu::open(options);
            }),
            ErrorCode::kNotFound);
}

TEST_F(VulkanDeviceTest, MeasuresItself) {
  for (bool unified : {false, true}) {
    const auto device = device_with("", {}, unified);
    device->measure();
    const DeviceInfo& info = device->info();
    for (double fact : {info.memory_bandwidth, info.int8_rate, info.f16_rate, info.launch_seconds}) {
      EXPECT_GT(fact, 0);
    }
    EXPECT_GT(info.link_up, 0);
    EXPECT_GT(info.link_down, 0);
    EXPECT_EQ(device->allocated_bytes(), 0u);
  }
}

TEST_F(VulkanDeviceTest, CountsItsMemoryAndKeepsToTheBudget) {
  const auto device = device_with("", 3 * kMiB);
  EXPECT_EQ(device->info().memory_usable, 3 * kMiB);
  auto first = device->allocate(2 * kMiB, BufferUse::kWeights);
  EXPECT_EQ(device->allocated_bytes(), 2 * kMiB);
  EXPECT_EQ(code_of([&] { device->allocate(kMiB + 1, BufferUse::kKv); }), ErrorCode::kOutOfMemory);
  const auto host = device->allocate(16 * kMiB, BufferUse::kKvHost);  // not the device's memory
  ASSERT_NE(host->host_data(), nullptr);
  const auto second = device->allocate(kMiB, BufferUse::kKv);
  EXPECT_EQ(second->host_data(), nullptr);
  EXPECT_EQ(device->allocated_bytes(), 3 * kMiB);
  const StepLimits limits;
  const StepInputs inputs(limits);
  EXPECT_EQ(code_of([&] { device->create_stream(inputs); }), ErrorCode::kOutOfMemory);
  first.reset();
  const auto stream = device->create_stream(inputs);
  EXPECT_EQ(device->allocated_bytes(), kMiB + device->workspace_bytes(limits));
  const auto plenty = device_with("");
  EXPECT_EQ(code_of([&] { plenty->allocate(plenty->info().largest_buffer + 1, BufferUse::kWeights); }),
            ErrorCode::kOutOfMemory);
}

TEST_F(VulkanDeviceTest, MemoryBeginsAsZerosAndKeepsWhatThreadsWrite) {
  for (bool unified : {false, true}) {
    const auto device = device_with("", {}, unified);
    constexpr size_t kBytes = 11 * kMiB + 77, kThreads = 4;
    const auto buffer = device->allocate(kThreads * kBytes, BufferUse::kWeights);
    EXPECT_EQ(buffer->host_data() != nullptr, unified);
    std::vector<uint8_t> all(kThreads * kBytes, 1);
    buffer->read(0, all);
    EXPECT_EQ(std::count(all.begin(), all.end(), 0), int64_t(all.size()));
    const auto value = [](size_t i) { return uint8_t(i * 31 + (i >> 12)); };
    std::vector<std::thread> writers;
    for (size_t w = 0; w < kThreads; ++w) {
      writers.emplace_back([&, w] {
        std::vector<uint8_t> mine(kBytes);
        for (size_t i = 0; i < kBytes; ++i) mine[i] = value(w * kBytes + i);
        buffer->write(w * kBytes, mine);
      });
    }
    for (std::thread& writer : writers) writer.join();
    buffer->read(0, all);
    for (size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], value(i)) << i;
    EXPECT_EQ(code_of([&] { buffer->write(all.size(), std::vector<uint8_t>(1)); }), ErrorCode::kInternal);
  }
}

TEST_F(VulkanDeviceTest, CallsFailAsTheDriverWouldFailThem) {
  const auto second = device_with("allocate:2");
  const auto buffer = second->allocate(64, BufferUse::kWeights);
  EXPECT_EQ(code_of([&] { second->allocate(64, BufferUse::kWeights); }), ErrorCode::kOutOfMemory);
  EXPECT_EQ(second->allocated_bytes(), 64u);
  second->allocate(64, BufferUse::kWeights);
  EXPECT_EQ(code_of([] { device_with("map:1")->allocate(64, BufferUse::kStaging); }), ErrorCode::kOutOfMemory);
  for (const char* fault : {"submit:1", "wait:1"}) {
    Doubling doubling(device_with(fault));
    doubling.set_tokens(1);
    doubling.stream->begin(1);
    doubling.calls();
    EXPECT_EQ(code_of([&] { doubling.stream->sync(); }), ErrorCode::kDeviceLost) << fault;
  }
}

TEST_F(VulkanDeviceTest, ReplaysARecordingWithNewInputs) {
  for (bool unified : {false, true}) {
    Doubling doubling(device_with("", {}, unified));
    doubling.set_tokens(5);
    ASSERT_FALSE(doubling.stream->begin(7));
    doubling.calls();
    doubling.stream->sync();
    EXPECT_EQ(doubling.result()[5 * 64 - 1], 2.0f * (5 * 64 - 1));
    EXPECT_EQ(doubling.result()[5 * 64], 0);
    reinterpret_cast<float*>(doubling.x->host_data())[0] = 100;
    doubling.set_tokens(7);  // of the same bucket
    ASSERT_TRUE(doubling.stream->begin(7));
    doubling.stream->sync();
    EXPECT_EQ(doubling.result()[0], 200);
    EXPECT_EQ(doubling.result()[7 * 64 - 1], 2.0f * (7 * 64 - 1));
    EXPECT_EQ(doubling.result()[7 * 64], 0);
    doubling.set_tokens(9);
    EXPECT_FALSE(doubling.stream->begin(7));
  }
}

TEST_F(VulkanDeviceTest, RecordsBeforeTheFirstStep) {
  Doubling doubling(device_with(""));
  const std::vector<StepShape> shapes = doubling.stream->shapes();
  ASSERT_FALSE(shapes.empty());
  EXPECT_EQ(shapes.back().tokens, 32);
  for (const StepShape& shape : shapes) {
    doubling.stream->record(3, shape);
    doubling.calls();
    doubling.stream->finish_recording();
  }
  EXPECT_EQ(doubling.result()[0], 0);
  EXPECT_EQ(doubling.result()[64], 0);  // nothing ran
  for (int32_t tokens = 1; tokens <= 32; ++tokens) {
    for (int32_t outputs : {0, 1}) {
      doubling.set_tokens(tokens, outputs);
      EXPECT_TRUE(doubling.stream->begin(3)) << tokens << " tokens, " << outputs << " outputs";
      doubling.stream->sync();
      EXPECT_EQ(doubling.result()[tokens * 64 - 1], 2.0f * float(tokens * 64 - 1));
    }
  }
}

TEST_F(VulkanDeviceTest, RunsCallsWithoutAKeyOnce) {
  Doubling doubling(device_with(""));
  doubling.set_tokens(3);
  doubling.calls();
  doubling.stream->sync();
  EXPECT_EQ(doubling.result()[64], 128);
  doubling.stream->sync();  // nothing to do
}

TEST_F(VulkanDeviceTest, GoesOnAfterAnError) {
  Doubling doubling(device_with(""));
  doubling.set_tokens(2);
  doubling.stream->begin(1);
  NormArgs norm;  // segments that don't divide the row
  norm.input = norm.output = doubling.tensor(doubling.y);
  norm.segment = 48;
  doubling.stream->norm(norm);
  EXPECT_EQ(code_of([&] { doubling.stream->sync(); }), ErrorCode::kInternal);
  ASSERT_FALSE(doubling.stream->begin(1));
  doubling.calls();
  doubling.stream->sync();
  EXPECT_EQ(doubling.result()[64], 128);
}

/// A folder of its own, removed at the end.
struct CacheFolder {
  std::filesystem::path path = std::filesystem::path(::testing::TempDir()) /
                               ("vulkan-cache-" + std::to_string(reinterpret_cast<uintptr_t>(this)));
  CacheFolder() { std::filesystem::remove_all(path); }
  ~CacheFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> all;
    if (!std::filesystem::exists(path)) return all;
    for (const auto& entry : std::filesystem::directory_iterator(path)) all.push_back(entry.path());
    return all;
  }
};

TEST_F(VulkanDeviceTest, KeepsPipelinesOnDiskAndSurvivesAFileOfAnotherKind) {
  const CacheFolder folder;
  GpuOptions options = tested();
  options.cache = folder.path;
  const auto run = [&] {
    Doubling doubling(make_vulkan_device(Gpu::open(options), {}));
    doubling.set_tokens(1);
    doubling.calls();
    doubling.stream->sync();
    EXPECT_EQ(doubling.result()[63], 126);
  };
  run();
  ASSERT_EQ(folder.files().size(), 1u);
  const std::filesystem::path file = folder.files().front();
  const auto size = std::filesystem::file_size(file);
  EXPECT_GT(size, 24u);
  run();
  std::filesystem::resize_file(file, size / 2);
  run();
  std::ofstream(file, std::ios::binary | std::ios::trunc) << "vivvkpc1 is not enough of a header to be trusted";
  run();
}

TEST_F(VulkanDeviceTest, HasAKernelOfEveryName) {
  const std::span<const Kernel> all = kernels();
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(), [](const Kernel& a, const Kernel& b) {
    return std::string_view(a.name) < std::string_view(b.name);
  }));
  for (const Kernel& kernel : all) {
    EXPECT_EQ(&find_kernel(kernel.name), &kernel);
    EXPECT_EQ(kernel.spirv[0], 0x07230203u) << kernel.name;
  }
  EXPECT_EQ(code_of([] { find_kernel("nothing"); }), ErrorCode::kInternal);
}

}  // namespace
}  // namespace vivace::vulkan
