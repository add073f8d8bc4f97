#include "backends/cuda/cuda_device.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <utility>

#include "backends/cuda/cuda_stream.h"
#include "backends/cuda/launch.h"
#include "backends/cuda/measure.h"
#include "backends/cuda/memory.h"
#include "backends/cuda/prepared.h"
#include "base/error.h"

namespace vivace::cuda {
namespace {

constexpr int kOldest = 75;  // compute capability 7.5: what the portable code is compiled for

/// Memory that the driver needs for contexts, kernels and graphs, and a margin for the display.
size_t memory_reserve(size_t total) { return std::max(size_t{384} << 20, total / 50); }

cudaDeviceProp read_properties(int index) {
  cudaDeviceProp properties{};
  check_gpu(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
  return properties;
}

DeviceFacts facts_of(const cudaDeviceProp& properties) {
  DeviceFacts facts;
  facts.compute = properties.major * 10 + properties.minor;
  facts.multiprocessors = properties.multiProcessorCount;
  facts.shared_per_block = int32_t(properties.sharedMemPerBlockOptin);
  facts.shared_per_sm = int32_t(properties.sharedMemPerMultiprocessor);
  facts.threads_per_sm = properties.maxThreadsPerMultiProcessor;
  facts.l2_bytes = size_t(properties.l2CacheSize);
  return facts;
}

/// As nvidia-smi and Vulkan write it.
std::string uuid_text(const cudaDeviceProp& properties) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  bool known = false;
  for (int i = 0; i < 16; ++i) {
    const unsigned byte = static_cast<unsigned char>(properties.uuid.bytes[i]);
    known = known || byte != 0;
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[byte / 16];
    text += kDigits[byte % 16];
  }
  return known ? text : std::string();
}

/// Seconds of GPU time that enqueued work takes: the fastest of a few runs.
class Stopwatch {
 public:
  explicit Stopwatch(cudaStream_t stream) : stream_(stream) {
    for (cudaEvent_t& event : events_) check_gpu(cudaEventCreate(&event), "cudaEventCreate");
  }
  ~Stopwatch() {
    for (cudaEvent_t event : events_) cudaEventDestroy(event);
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

  double seconds(const std::function<void()>& work) const {
    double best = 0;
    for (int run = 0; run < 4; ++run) {
      check_gpu(cudaEventRecord(events_[0], stream_), "cudaEventRecord");
      work();
      check_gpu(cudaEventRecord(events_[1], stream_), "cudaEventRecord");
      check_gpu(cudaEventSynchronize(events_[1]), "a measurement");
      float milliseconds = 0;
      check_gpu(cudaEventElapsedTime(&milliseconds, events_[0], events_[1]), "cudaEventElapsedTime");
      const double time = std::max(1e-9, double(milliseconds) * 1e-3);
      if (run == 1 || (run > 1 && time < best)) best = time;  // the first run warms up
    }
    return best;
  }

 private:
  cudaStream_t stream_;
  std::array<cudaEvent_t, 2> events_{};
};

/// From the call to the end of a launch that does nothing, as the host sees it: the fastest of many.
double launch_seconds(const Launch& launch, float* sink) {
  using Clock = std::chrono::steady_clock;
  double best = 1;
  for (int i = 0; i < 64; ++i) {
    const Clock::time_point begin = Clock::now();
    enqueue_int8_products(launch, 0, sink);
    while (cudaStreamQuery(launch.stream) == cudaErrorNotReady) {
    }
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  check_gpu(cudaStreamSynchronize(launch.stream), "a measurement");
  return best;
}

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(const CudaOptions& options) {
    const cudaDeviceProp properties = read_properties(options.index);
    facts_ = facts_of(properties);
    if (facts_.compute < kOldest) {
      throw Error(ErrorCode::kUnsupported, std::string(properties.name) + " is older than compute capability 7.5");
    }
    memory_ = std::make_shared<DeviceMemory>(options.index, options.memory, options.faults);
    info_.id = options.id;
    info_.name = properties.name;
    info_.isa = "sm_" + std::to_string(facts_.compute);
    info_.uuid = uuid_text(properties);
    info_.host_memory = false;
    info_.unified_memory = properties.integrated != 0;
#if defined(VIVACE_GPU_EMULATED)
    info_.kind = DeviceKind::kSoftware;
#else
    info_.kind = properties.integrated != 0 ? DeviceKind::kIntegratedGpu : DeviceKind::kDiscreteGpu;
#endif
    size_t free = 0, total = 0;
    check_gpu(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    const size_t reserve = memory_reserve(total);
    info_.memory_usable = (free > reserve ? free - reserve : 0) / size_t(std::max(1, options.shared_by));
    if (options.memory) info_.memory_usable = std::min(info_.memory_usable, *options.memory);
    info_.memory_usable = std::max(info_.memory_usable, size_t{1});  // 0 would say unknown
    add_kernels();
  }

  const DeviceInfo& info() const override { return info_; }
  void measure() override;

  std::unique_ptr<Buffer> allocate(size_t bytes, BufferUse use) override { return make_buffer(memory_, bytes, use); }
  size_t workspace_bytes(const StepLimits& limits) const override { return stream_bytes(facts_, limits); }
  size_t allocated_bytes() const override { return memory_->allocated(); }
  std::unique_ptr<Stream> create_stream(const StepInputs& inputs) override {
    return make_stream(memory_, facts_, inputs);
  }

  Layout preferred_layout(KernelOp, Format, int64_t, int64_t) const override { return Layout::kRows; }
  PreparedKinds prepared_kinds(const Weight& weight) const override { return prepared_kind_of(weight.format->format); }
  size_t prepared_bytes(PreparedKinds kinds, int32_t columns, int32_t rows) const override {
    return prepared_form_bytes(kinds, columns, rows);
  }

 private:
  void add_kernels() {
    for (const FormatRow& row : formats()) {
      info_.kernels.push_back({KernelOp::kEmbed, row.format, Layout::kRows, true});
      info_.kernels.push_back({KernelOp::kMatmul, row.format, Layout::kRows, true});
    }
    for (Format format : {Format::kF32, Format::kF16, Format::kQ8_0, Format::kQ4_0}) {
      info_.kernels.push_back({KernelOp::kKv, format, Layout::kRows, true});
    }
  }

  DeviceInfo info_;
  DeviceFacts facts_;
  std::shared_ptr<DeviceMemory> memory_;
};

/// Buffers of a measurement; sizes far above the caches, small on the emulator.
#if defined(VIVACE_GPU_EMULATED)
constexpr size_t kReadBytes = size_t{1} << 20, kLinkBytes = size_t{1} << 20;
constexpr int kRounds = 4;
#else
constexpr size_t kReadBytes = size_t{1} << 30, kLinkBytes = size_t{128} << 20;
constexpr int kRounds = 4096;
#endif

void CudaDevice::measure() {
  memory_->select();
  const std::lock_guard lock(memory_->transfer_mutex());
  const size_t read_bytes = std::min(kReadBytes, info_.memory_usable / 4 / 16 * 16);
  const size_t link_bytes = std::min(kLinkBytes, read_bytes);
  if (link_bytes == 0) return;
  const auto release = [this, read_bytes](uint8_t* memory) { memory_->release(memory, read_bytes); };
  const auto release_host = [this](uint8_t* memory) { memory_->release_host(memory); };
  const std::unique_ptr<uint8_t, decltype(release)> device(memory_->allocate(read_bytes), release);
  const std::unique_ptr<uint8_t, decltype(release_host)> host(memory_->allocate_host(link_bytes), release_host);
  const cudaStream_t stream = memory_->transfers();
  check_gpu(cudaMemsetAsync(device.get(), 0x3A, read_bytes, stream), "cudaMemset");
  Launch launch;
  launch.stream = stream;
  launch.device = &facts_;
  float* sink = reinterpret_cast<float*>(device.get());
  const Stopwatch watch(stream);

  double products = 0;
  info_.memory_bandwidth =
      double(read_bytes) / watch.seconds([&] { enqueue_reads(launch, device.get(), read_bytes, sink); });
  const double int8_time = watch.seconds([&] { products = enqueue_int8_products(launch, kRounds, sink); });
  info_.int8_rate = products / int8_time;
  const double f16_time = watch.seconds([&] { products = enqueue_f16_products(launch, kRounds, sink); });
  info_.f16_rate = products / f16_time;
  const auto copy = [&](void* to, const void* from, cudaMemcpyKind kind) {
    return double(link_bytes) /
           watch.seconds([&] { check_gpu(cudaMemcpyAsync(to, from, link_bytes, kind, stream), "a copy"); });
  };
  info_.link_up = copy(device.get(), host.get(), cudaMemcpyHostToDevice);
  info_.link_down = copy(host.get(), device.get(), cudaMemcpyDeviceToHost);
  info_.launch_seconds = launch_seconds(launch, sink);
}

}  // namespace

int count_devices() {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  cudaGetLastError();
  return 0;
}

std::unique_ptr<Device> make_cuda_device(const CudaOptions& options) { return std::make_unique<CudaDevice>(options); }

}  // namespace vivace::cuda
