// The device over the emulator: memory and its budget, faults, steps that are recorded and replayed.
#include "backends/cuda/cuda_device.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "base/error.h"

namespace vivace::cuda {
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

std::unique_ptr<Device> device_with(const char* faults, std::optional<size_t> memory = {}) {
  CudaOptions options;
  options.memory = memory;
  options.faults = parse_device_faults(faults);
  return make_cuda_device(options);
}

/// A device with a stream over x [tokens, 64] -> y, doubled at each step.
struct Doubling {
  std::unique_ptr<Device> device;
  StepInputs inputs{{.tokens = 32, .sequences = 2, .outputs = 8, .kv_groups = 1, .pages = 4}};
  std::unique_ptr<Buffer> x, y;
  std::unique_ptr<Stream> stream;

  explicit Doubling(const char* faults = "") : device(device_with(faults)) {
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

TEST(CudaDevice, SaysWhatItIs) {
  ASSERT_EQ(count_devices(), 1);
  const auto device = device_with("");
  const DeviceInfo& info = device->info();
  EXPECT_EQ(info.id, "cuda0");
  EXPECT_EQ(info.isa, "sm_90");
  EXPECT_FALSE(info.host_memory);
  EXPECT_GT(info.memory_usable, kMiB);
  for (const FormatRow& row : formats()) {
    EXPECT_NE(find_kernel(info, KernelOp::kMatmul, row.format, Layout::kRows), nullptr) << row.name;
    EXPECT_EQ(device->preferred_layout(KernelOp::kMatmul, row.format, 64, 256), Layout::kRows);
  }
}

TEST(CudaDevice, MeasuresItself) {
  const auto device = device_with("");
  device->measure();
  const DeviceInfo& info = device->info();
  for (double fact :
       {info.memory_bandwidth, info.int8_rate, info.f16_rate, info.link_up, info.link_down, info.launch_seconds}) {
    EXPECT_GT(fact, 0);
  }
  EXPECT_EQ(device->allocated_bytes(), 0u);
}

TEST(CudaDevice, CountsItsMemoryAndKeepsToTheBudget) {
  const auto device = device_with("", 3 * kMiB);
  EXPECT_EQ(device->info().memory_usable, 3 * kMiB);
  auto first = device->allocate(2 * kMiB, BufferUse::kWeights);
  EXPECT_EQ(device->allocated_bytes(), 2 * kMiB);
  EXPECT_EQ(code_of([&] { device->allocate(kMiB + 1, BufferUse::kKv); }), ErrorCode::kOutOfMemory);
  const auto host = device->allocate(16 * kMiB, BufferUse::kKvHost);  // not the device's memory
  ASSERT_NE(host->host_data(), nullptr);
  const auto second = device->allocate(kMiB, BufferUse::kKv);
  EXPECT_EQ(device->allocated_bytes(), 3 * kMiB);
  const StepLimits limits;
  const StepInputs inputs(limits);
  EXPECT_EQ(code_of([&] { device->create_stream(inputs); }), ErrorCode::kOutOfMemory);
  first.reset();
  const auto stream = device->create_stream(inputs);
  EXPECT_EQ(device->allocated_bytes(), kMiB + device->workspace_bytes(limits));
}

TEST(CudaDevice, MemoryBeginsAsZerosAndKeepsWhatThreadsWrite) {
  const auto device = device_with("");
  constexpr size_t kBytes = 11 * kMiB + 77, kThreads = 4;
  const auto buffer = device->allocate(kThreads * kBytes, BufferUse::kWeights);
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

TEST(CudaDevice, CallsFailAsTheDriverWouldFailThem) {
  const auto second = device_with("allocate:2");
  const auto buffer = second->allocate(64, BufferUse::kWeights);
  EXPECT_EQ(code_of([&] { second->allocate(64, BufferUse::kWeights); }), ErrorCode::kOutOfMemory);
  EXPECT_EQ(second->allocated_bytes(), 64u);
  second->allocate(64, BufferUse::kWeights);
  EXPECT_EQ(code_of([] { device_with("map:1")->allocate(64, BufferUse::kStaging); }), ErrorCode::kOutOfMemory);
  for (const char* fault : {"submit:1", "wait:1"}) {
    Doubling doubling(fault);
    doubling.set_tokens(1);
    doubling.stream->begin(1);
    doubling.calls();
    EXPECT_EQ(code_of([&] { doubling.stream->sync(); }), ErrorCode::kDeviceLost) << fault;
  }
}

TEST(CudaStream, ReplaysARecordingWithNewInputs) {
  Doubling doubling;
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

TEST(CudaStream, RecordsBeforeTheFirstStep) {
  Doubling doubling;
  const std::vector<StepShape> shapes = doubling.stream->shapes();
  ASSERT_FALSE(shapes.empty());
  EXPECT_EQ(shapes.back().tokens, 32);
  for (const StepShape& shape : shapes) {
    doubling.stream->record(3, shape);
    doubling.calls();
    doubling.stream->finish_recording();
  }
  EXPECT_EQ(doubling.result()[0], 0);  // nothing ran
  for (int32_t tokens = 1; tokens <= 32; ++tokens) {
    for (int32_t outputs : {0, 1}) {
      doubling.set_tokens(tokens, outputs);
      EXPECT_TRUE(doubling.stream->begin(3)) << tokens << " tokens, " << outputs << " outputs";
      doubling.stream->sync();
      EXPECT_EQ(doubling.result()[tokens * 64 - 1], 2.0f * float(tokens * 64 - 1));
    }
  }
}

TEST(CudaStream, RunsCallsWithoutAKeyOnce) {
  Doubling doubling;
  doubling.set_tokens(3);
  doubling.calls();
  doubling.stream->sync();
  EXPECT_EQ(doubling.result()[64], 128);
  doubling.stream->sync();  // nothing to do
}

TEST(CudaStream, GoesOnAfterAnError) {
  Doubling doubling;
  doubling.set_tokens(2);
  doubling.stream->begin(1);
  NormArgs norm;  // too long a row for the backend
  norm.input = norm.output = {doubling.y.get(), 0, 40000, 40000};
  doubling.stream->norm(norm);
  EXPECT_EQ(code_of([&] { doubling.stream->sync(); }), ErrorCode::kUnsupported);
  ASSERT_FALSE(doubling.stream->begin(1));
  doubling.calls();
  doubling.stream->sync();
  EXPECT_EQ(doubling.result()[64], 128);
}

}  // namespace
}  // namespace vivace::cuda
