#include "backends/vulkan/vulkan_stream.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <tuple>
#include <utility>
#include <variant>

#include "backends/vulkan/lattice_tables.h"
#include "backends/vulkan/operations.h"
#include "backends/vulkan/recorder.h"
#include "backends/vulkan/step_mirror.h"
#include "base/error.h"
#include "device/step_buckets.h"
#include "device/step_needs.h"
#include "device/step_program.h"

namespace vivace::vulkan {
namespace {

constexpr size_t kAlign = 256;
constexpr size_t kMostRecordings = 1024;

size_t aligned(size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

/// Names a recording: calls, and the size of step that they are recorded for.
struct RecordingKey {
  uint64_t calls = 0;
  int32_t tokens = 0, outputs = 0;

  bool operator<(const RecordingKey& other) const {
    return std::tie(calls, tokens, outputs) < std::tie(other.calls, other.tokens, other.outputs);
  }
};

struct Recording {
  VkCommandBuffer commands = VK_NULL_HANDLE;
  StepNeeds needs;
  std::vector<GroupSlabs> groups;
  uint64_t last_use = 0;
};

struct UploadPush {
  VkDeviceAddress from, to, spans;
};

class VulkanStream final : public Stream {
 public:
  VulkanStream(std::shared_ptr<DeviceMemory> memory, const StepInputs& inputs)
      : memory_(std::move(memory)), gpu_(memory_->gpu()), inputs_(inputs), layout_(inputs) {
    try {
      create();
    } catch (...) {
      destroy();
      throw;
    }
  }
  ~VulkanStream() override { destroy(); }

  bool begin(uint64_t key) override {
    program_.clear();  // of a step that ended in an error before its sync
    set_key(key, {inputs_.tokens(), inputs_.outputs()});
    replays_ = recordings_.contains(key_);
    return replays_;
  }

  std::vector<StepShape> shapes() const override { return bucket_shapes(inputs_.limits()); }

  void record(uint64_t key, StepShape shape) override {
    program_.clear();
    set_key(key, shape);
    replays_ = false;
  }

  void finish_recording() override {
    const Program program = std::exchange(program_, {});
    has_key_ = false;
    keep(program);
  }

  void sync() override {
    const Program program = std::exchange(program_, {});
    const bool replays = std::exchange(replays_, false), keeps = std::exchange(has_key_, false);
    if (inputs_.tokens() <= 0) return;
    memory_->transfers().finish();
    if (replays || keeps) {
      Recording& recording = replays ? recordings_.at(key_) : keep(program);
      recording.last_use = ++clock_;
      return run(recording);
    }
    if (program.empty()) return;
    set_key(0, {inputs_.tokens(), inputs_.outputs()});
    has_key_ = false;
    Recording once = make(program);
    try {
      run(once);
    } catch (...) {
      free(once);
      throw;
    }
    free(once);
  }

  void set_threads(int32_t /*threads*/) override {}

  void embed(const EmbedArgs& args) override { push(args); }
  void norm(const NormArgs& args) override { push(args); }
  void prepare(const PrepareArgs& args) override { push(args); }
  void matmul(const MatmulArgs& args) override { push(args); }
  void add(const AddArgs& args) override { push(args); }
  void scale(const ScaleArgs& args) override { push(args); }
  void glu(const GluArgs& args) override { push(args); }
  void rope_table(const RopeTableArgs& args) override { push(args); }
  void rope(const RopeArgs& args) override { push(args); }
  void kv_write(const KvWriteArgs& args) override { push(args); }
  void attention(const AttentionArgs& args) override { push(args); }
  void gather(const GatherArgs& args) override { push(args); }
  void copy(const CopyArgs& args) override { push(args); }

 private:
  void create() {
    const DeviceApi& api = gpu_.api();
    const size_t bytes = stream_bytes(gpu_.facts(), inputs_.limits());
    device_ = memory_->allocate(bytes, memory_->unified() ? BlockKind::kUnified : BlockKind::kDevice);
    if (device_.mapped != nullptr) {
      std::memset(device_.mapped, 0, bytes);
    } else {
      memory_->transfers().zero(device_);
    }
    put_tables();
    upload_ = memory_->allocate(mirror_bytes() + most_spans(inputs_.limits()) * sizeof(UploadSpan), BlockKind::kHost);
    VkCommandPoolCreateInfo pool = make_struct<VkCommandPoolCreateInfo>(VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO);
    pool.queueFamilyIndex = gpu_.queue_family();
    check_vulkan(api.vkCreateCommandPool(gpu_.device(), &pool, nullptr, &pool_), "vkCreateCommandPool");
    const VkFenceCreateInfo fence = make_struct<VkFenceCreateInfo>(VK_STRUCTURE_TYPE_FENCE_CREATE_INFO);
    check_vulkan(api.vkCreateFence(gpu_.device(), &fence, nullptr, &done_), "vkCreateFence");
  }

  void put_tables() {
    const uint8_t* tables = reinterpret_cast<const uint8_t*>(kLatticeTables.data());
    if (device_.mapped != nullptr) {
      std::memcpy(device_.mapped + mirror_bytes(), tables, sizeof kLatticeTables);
    } else {
      memory_->transfers().write(device_, mirror_bytes(), tables, sizeof kLatticeTables);
    }
  }

  size_t mirror_bytes() const { return aligned(layout_.bytes); }

  void destroy() {
    const DeviceApi& api = gpu_.api();
    gpu_.settle();
    if (done_ != VK_NULL_HANDLE) api.vkDestroyFence(gpu_.device(), done_, nullptr);
    if (pool_ != VK_NULL_HANDLE) api.vkDestroyCommandPool(gpu_.device(), pool_, nullptr);
    memory_->release(upload_);
    memory_->release(device_);
  }

  void set_key(uint64_t key, StepShape shape) {
    const StepLimits& limits = inputs_.limits();
    key_ = {key, bucket_of(shape.tokens, limits.tokens), bucket_of(shape.outputs, limits.outputs)};
    has_key_ = true;
  }

  void push(Call call) {
    if (replays_) throw Error(ErrorCode::kInternal, "an operation was called in a step that replays its program");
    program_.push_back(std::move(call));
  }

  Recording& keep(const Program& program) {
    if (recordings_.size() >= kMostRecordings) {
      const auto oldest = std::min_element(recordings_.begin(), recordings_.end(), [](const auto& a, const auto& b) {
        return a.second.last_use < b.second.last_use;
      });
      free(oldest->second);
      recordings_.erase(oldest);
    }
    Recording recording = make(program);
    recording.last_use = ++clock_;
    const auto [place, is_new] = recordings_.try_emplace(key_);
    if (!is_new) free(place->second);
    place->second = std::move(recording);
    return place->second;
  }

  void free(Recording& recording) { gpu_.api().vkFreeCommandBuffers(gpu_.device(), pool_, 1, &recording.commands); }

  /// Records the calls for steps of the current key's size.
  Recording make(const Program& program) {
    const DeviceApi& api = gpu_.api();
    Recording recording;
    VkCommandBufferAllocateInfo commands =
        make_struct<VkCommandBufferAllocateInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO);
    commands.commandPool = pool_;
    commands.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    commands.commandBufferCount = 1;
    check_vulkan(api.vkAllocateCommandBuffers(gpu_.device(), &commands, &recording.commands),
                 "vkAllocateCommandBuffers");
    try {
      const VkCommandBufferBeginInfo begin =
          make_struct<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
      check_vulkan(api.vkBeginCommandBuffer(recording.commands, &begin), "vkBeginCommandBuffer");
      record_calls(program, recording);
      check_vulkan(api.vkEndCommandBuffer(recording.commands), "vkEndCommandBuffer");
    } catch (...) {
      free(recording);
      throw;
    }
    return recording;
  }

  void record_calls(const Program& program, Recording& recording) {
    // Transfers before the step and what they wrote; after it, what the host reads of mapped memory.
    memory_barrier(recording.commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                   VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT);
    const size_t mirror = mirror_bytes(), workspace = mirror + aligned(sizeof kLatticeTables);
    Recorder recorder({&gpu_, &layout_, device_.address, device_.address + mirror, device_.address + workspace,
                       device_.bytes - workspace},
                      recording.commands, key_.tokens, key_.outputs);
    if (device_.mapped == nullptr) {
      recorder.dispatch(find_kernel("upload"), {},
                        UploadPush{upload_.address, device_.address, upload_.address + mirror},
                        {most_spans(inputs_.limits())});
    }
    for (const Call& call : fuse(program)) {
      std::visit(
          [&](const auto& args) {
            if constexpr (requires { recording.needs.add(args); }) recording.needs.add(args);
            if (recorder.rows(rows_of(call)) == 0) return;
            recorder.barrier();
            vulkan::record(recorder, args);
          },
          call);
    }
    memory_barrier(recording.commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_HOST_BIT,
                   VK_ACCESS_HOST_READ_BIT);
    recording.groups = recorder.groups();
  }

  void memory_barrier(VkCommandBuffer commands, VkPipelineStageFlags from, VkPipelineStageFlags to,
                      VkAccessFlags access) const {
    VkMemoryBarrier barrier = make_struct<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
    barrier.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT;
    barrier.dstAccessMask = access;
    gpu_.api().vkCmdPipelineBarrier(commands, from, to, 0, 1, &barrier, 0, nullptr, 0, nullptr);
  }

  void run(const Recording& recording) {
    recording.needs.check(inputs_);
    const size_t mirror = mirror_bytes();
    pack_step(inputs_, layout_, recording.groups, device_.mapped != nullptr ? device_.mapped : upload_.mapped,
              reinterpret_cast<UploadSpan*>(upload_.mapped + mirror));
    check_vulkan(gpu_.api().vkResetFences(gpu_.device(), 1, &done_), "vkResetFences");
    memory_->submit(recording.commands, done_);
    memory_->wait(done_);
  }

  const std::shared_ptr<DeviceMemory> memory_;
  Gpu& gpu_;
  const StepInputs& inputs_;
  const StepLayout layout_;
  Block device_;  // mirror of the inputs, grids of the formats, workspace
  Block upload_;  // the inputs on their way up, then which words of them
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkFence done_ = VK_NULL_HANDLE;
  std::map<RecordingKey, Recording> recordings_;
  uint64_t clock_ = 0;
  Program program_;  // calls since begin(), record() or the last sync()
  RecordingKey key_;
  bool has_key_ = false, replays_ = false;
};

}  // namespace

size_t stream_bytes(const GpuFacts& facts, const StepLimits& limits) {
  return aligned(StepLayout(StepInputs(limits)).bytes) + aligned(sizeof kLatticeTables) +
         aligned(attention_workspace_bytes(facts, limits));
}

std::unique_ptr<Stream> make_stream(std::shared_ptr<DeviceMemory> memory, const StepInputs& inputs) {
  return std::make_unique<VulkanStream>(std::move(memory), inputs);
}

}  // namespace vivace::vulkan
