#include "backends/vulkan/measure.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <span>

#include "backends/vulkan/kernel.h"

namespace vivace::vulkan {
namespace {

using Clock = std::chrono::steady_clock;

/// A block that is given back.
class Loan {
 public:
  Loan(DeviceMemory& memory, size_t bytes, BlockKind kind) : memory_(memory), block_(memory.allocate(bytes, kind)) {}
  ~Loan() { memory_.release(block_); }
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;
  const Block& operator*() const { return block_; }
  const Block* operator->() const { return &block_; }

 private:
  DeviceMemory& memory_;
  Block block_;
};

/// Runs recorded commands and says how long they took: by the device's clock where it has one.
class Stopwatch {
 public:
  explicit Stopwatch(Gpu& gpu) : gpu_(gpu), api_(gpu.api()) {
    try {
      create();
    } catch (...) {
      destroy();
      throw;
    }
  }
  ~Stopwatch() { destroy(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

  VkCommandBuffer commands() const { return commands_; }

  /// The fastest of a few runs of what `record` records.
  template <class Record>
  double seconds(Record record) {
    double best = 0;
    for (int run = 0; run < 4; ++run) {
      const double time = std::max(1e-9, seconds_once(record));
      if (run == 1 || (run > 1 && time < best)) best = time;  // the first run warms up
    }
    return best;
  }

  /// From the call to the end of a submission that does nothing, as the host sees it: the fastest of many.
  double launch_seconds() {
    double best = 1;
    for (int i = 0; i < 32; ++i) best = std::min(best, run([] {}));
    return best;
  }

 private:
  void create() {
    const VkFenceCreateInfo fence = make_struct<VkFenceCreateInfo>(VK_STRUCTURE_TYPE_FENCE_CREATE_INFO);
    check_vulkan(api_.vkCreateFence(gpu_.device(), &fence, nullptr, &fence_), "vkCreateFence");
    VkCommandPoolCreateInfo pool = make_struct<VkCommandPoolCreateInfo>(VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO);
    pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
    pool.queueFamilyIndex = gpu_.queue_family();
    check_vulkan(api_.vkCreateCommandPool(gpu_.device(), &pool, nullptr, &pool_), "vkCreateCommandPool");
    VkCommandBufferAllocateInfo commands =
        make_struct<VkCommandBufferAllocateInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO);
    commands.commandPool = pool_;
    commands.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    commands.commandBufferCount = 1;
    check_vulkan(api_.vkAllocateCommandBuffers(gpu_.device(), &commands, &commands_), "vkAllocateCommandBuffers");
    if (gpu_.facts().timestamp_seconds == 0) return;
    VkQueryPoolCreateInfo queries = make_struct<VkQueryPoolCreateInfo>(VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO);
    queries.queryType = VK_QUERY_TYPE_TIMESTAMP;
    queries.queryCount = 2;
    check_vulkan(api_.vkCreateQueryPool(gpu_.device(), &queries, nullptr, &queries_), "vkCreateQueryPool");
  }

  void destroy() {
    if (queries_ != VK_NULL_HANDLE) api_.vkDestroyQueryPool(gpu_.device(), queries_, nullptr);
    if (pool_ != VK_NULL_HANDLE) api_.vkDestroyCommandPool(gpu_.device(), pool_, nullptr);
    if (fence_ != VK_NULL_HANDLE) api_.vkDestroyFence(gpu_.device(), fence_, nullptr);
  }

  /// Host seconds of a submission.
  template <class Record>
  double run(Record record) {
    check_vulkan(api_.vkResetFences(gpu_.device(), 1, &fence_), "vkResetFences");
    VkCommandBufferBeginInfo begin = make_struct<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
    begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
    check_vulkan(api_.vkBeginCommandBuffer(commands_, &begin), "vkBeginCommandBuffer");
    record();
    check_vulkan(api_.vkEndCommandBuffer(commands_), "vkEndCommandBuffer");
    const Clock::time_point start = Clock::now();
    gpu_.submit(&commands_, 1, fence_);
    gpu_.wait(fence_);
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  template <class Record>
  double seconds_once(Record record) {
    if (queries_ == VK_NULL_HANDLE) return run(record);
    run([&] {
      api_.vkCmdResetQueryPool(commands_, queries_, 0, 2);
      api_.vkCmdWriteTimestamp(commands_, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, queries_, 0);
      record();
      api_.vkCmdWriteTimestamp(commands_, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries_, 1);
    });
    uint64_t ticks[2] = {};
    check_vulkan(api_.vkGetQueryPoolResults(gpu_.device(), queries_, 0, 2, sizeof(ticks), ticks, sizeof(uint64_t),
                                            VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
                 "vkGetQueryPoolResults");
    return double(ticks[1] - ticks[0]) * gpu_.facts().timestamp_seconds;
  }

  Gpu& gpu_;
  const DeviceApi& api_;
  VkFence fence_ = VK_NULL_HANDLE;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  VkQueryPool queries_ = VK_NULL_HANDLE;
};

struct ReadPush {
  VkDeviceAddress from, to;
  uint32_t quads, reserved;
};

struct ProductsPush {
  VkDeviceAddress to;
  uint32_t rounds, seed;
};

template <class Push>
void dispatch(Gpu& gpu, VkCommandBuffer commands, const char* kernel, const Push& push, uint32_t groups) {
  const DeviceApi& api = gpu.api();
  api.vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, gpu.pipelines().get(find_kernel(kernel), {}));
  api.vkCmdPushConstants(commands, gpu.pipelines().layout(), VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(Push), &push);
  api.vkCmdDispatch(commands, groups, 1, 1);
}

/// How much is done: far more than caches hold, little where the CPU does it.
struct Sizes {
  size_t read_bytes, link_bytes;
  uint32_t read_groups, groups, rounds;
};

Sizes sizes_for(const DeviceInfo& info) {
  const bool software = info.kind == DeviceKind::kSoftware;
  Sizes sizes{};
  const size_t wanted = software ? size_t{16} << 20 : size_t{1} << 30;
  const size_t most = info.largest_buffer > 0 ? info.largest_buffer : SIZE_MAX;
  sizes.read_bytes = std::min({wanted, info.memory_usable / 4, most}) / 16 * 16;
  sizes.link_bytes = std::min(sizes.read_bytes, software ? size_t{4} << 20 : size_t{128} << 20);
  sizes.read_groups = software ? 16 : 8192;
  sizes.groups = software ? 4 : 8192;
  sizes.rounds = software ? 64 : 1024;
  return sizes;
}

/// Multiply-adds per second of a kernel that does so many in each step.
double products_rate(Gpu& gpu, Stopwatch& watch, const Sizes& sizes, const char* kernel, int per_step,
                     VkDeviceAddress sink) {
  const ProductsPush push{sink, sizes.rounds, 3};
  const double time = watch.seconds([&] { dispatch(gpu, watch.commands(), kernel, push, sizes.groups); });
  return double(sizes.groups) * 256 * 16 * sizes.rounds * per_step / time;
}

}  // namespace

void measure_device(DeviceMemory& memory, DeviceInfo& info) {
  Gpu& gpu = memory.gpu();
  const DeviceApi& api = gpu.api();
  const Sizes sizes = sizes_for(info);
  if (sizes.link_bytes == 0) return;
  const Loan device(memory, sizes.read_bytes, memory.unified() ? BlockKind::kUnified : BlockKind::kDevice);
  const Loan host(memory, sizes.link_bytes, BlockKind::kHost);
  memory.transfers().zero(*device);
  std::memset(host->mapped, 0, sizes.link_bytes);
  Stopwatch watch(gpu);

  const ReadPush read{device->address, device->address, uint32_t(sizes.read_bytes / 16), 0};
  info.memory_bandwidth = double(sizes.read_bytes) / watch.seconds([&] {
    dispatch(gpu, watch.commands(), "measure_read", read, sizes.read_groups);
  });
  const VkDeviceAddress sink = device->address;
  info.int8_rate = gpu.facts().integer_dot ? products_rate(gpu, watch, sizes, "measure_products_dot", 4, sink)
                                           : products_rate(gpu, watch, sizes, "measure_products_int", 1, sink);
  info.f16_rate = gpu.facts().float16 ? products_rate(gpu, watch, sizes, "measure_products_f16", 2, sink)
                                      : products_rate(gpu, watch, sizes, "measure_products_f32", 1, sink);
  const auto copy_rate = [&](const Block& from, const Block& to) {
    const VkBufferCopy copy{0, 0, sizes.link_bytes};
    return double(sizes.link_bytes) /
           watch.seconds([&] { api.vkCmdCopyBuffer(watch.commands(), from.buffer, to.buffer, 1, &copy); });
  };
  info.link_up = copy_rate(*host, *device);
  info.link_down = copy_rate(*device, *host);
  info.launch_seconds = watch.launch_seconds();
}

}  // namespace vivace::vulkan
