#include "backends/vulkan/memory.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/error.h"

namespace vivace::vulkan {
namespace {

std::string mebibytes(size_t bytes) { return std::to_string((bytes + (size_t{1} << 20) - 1) >> 20) + " MiB"; }

[[noreturn]] void throw_out_of_memory(size_t bytes, size_t allocated, const std::string& why) {
  throw Error(ErrorCode::kOutOfMemory,
              "the GPU has no " + mebibytes(bytes) + " more, " + mebibytes(allocated) + " are taken: " + why,
              "offload fewer layers or shorten the context");
}

[[noreturn]] void throw_no_host_memory(size_t bytes) {
  throw Error(ErrorCode::kOutOfMemory, "the system can't map " + mebibytes(bytes) + " of host memory for the GPU",
              "shorten the context or free memory");
}

[[noreturn]] void throw_lost() {
  throw Error(ErrorCode::kDeviceLost, "the GPU stopped answering", "run without the GPU or restart the program");
}

bool is_out_of_memory(VkResult result) {
  return result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY ||
         result == VK_ERROR_TOO_MANY_OBJECTS || result == VK_ERROR_MEMORY_MAP_FAILED;
}

constexpr VkMemoryPropertyFlags kMapped = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;

/// Everything before is seen by everything after; submissions are not ordered by themselves.
void barrier_for_all(const DeviceApi& api, VkCommandBuffer commands, VkPipelineStageFlags from,
                     VkPipelineStageFlags to) {
  VkMemoryBarrier barrier = make_struct<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  barrier.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
  api.vkCmdPipelineBarrier(commands, from, to, 0, 1, &barrier, 0, nullptr, 0, nullptr);
}

}  // namespace

DeviceMemory::DeviceMemory(std::shared_ptr<Gpu> gpu, bool unified, std::optional<size_t> budget,
                           const DeviceFaultPlan& faults)
    : gpu_(std::move(gpu)),
      unified_(unified),
      budget_(budget),
      faults_(faults),
      transfers_(std::make_unique<Transfers>(*this)) {}

DeviceMemory::~DeviceMemory() = default;

Block DeviceMemory::allocate(size_t bytes, BlockKind kind) {
  const bool host = kind == BlockKind::kHost;
  const std::lock_guard lock(budget_mutex_);
  if (faults_.fails(host ? DeviceCall::kMap : DeviceCall::kAllocate)) {
    if (host) throw_no_host_memory(bytes);
    throw_out_of_memory(bytes, allocated_, "the driver refused");
  }
  if (!host && budget_ && bytes > *budget_ - std::min<size_t>(*budget_, allocated_)) {
    throw_out_of_memory(bytes, allocated_, "the budget is " + mebibytes(*budget_));
  }
  const size_t limit = gpu_->facts().largest_buffer;
  if (limit > 0 && bytes > limit) {
    throw_out_of_memory(bytes, allocated_, "the driver allocates no more than " + mebibytes(limit) + " at once");
  }
  Block block = create(bytes, kind);
  block.counted = !host;
  if (block.counted) allocated_ += bytes;
  return block;
}

Block DeviceMemory::create(size_t bytes, BlockKind kind) {
  const DeviceApi& api = gpu_->api();
  const VkDevice device = gpu_->device();
  Block block;
  block.bytes = bytes;
  VkBufferCreateInfo info = make_struct<VkBufferCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
  info.size = (std::max<size_t>(bytes, 4) + 3) & ~size_t{3};  // vkCmdFillBuffer fills words
  info.usage = VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
               VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  VkResult result = api.vkCreateBuffer(device, &info, nullptr, &block.buffer);
  if (result == VK_SUCCESS) {
    VkMemoryRequirements needs{};
    api.vkGetBufferMemoryRequirements(device, block.buffer, &needs);
    const VkMemoryPropertyFlags needed = (kind == BlockKind::kHost ? 0 : VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) |
                                         (kind == BlockKind::kDevice ? 0 : kMapped);
    const VkMemoryPropertyFlags preferred = kind == BlockKind::kDevice ? 0 : VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    const int32_t type = gpu_->memory_type(needs.memoryTypeBits, needed, preferred);
    VkMemoryAllocateFlagsInfo flags =
        make_struct<VkMemoryAllocateFlagsInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO);
    flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
    VkMemoryAllocateInfo allocation = make_struct<VkMemoryAllocateInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO);
    allocation.pNext = &flags;
    allocation.allocationSize = needs.size;
    allocation.memoryTypeIndex = uint32_t(type);
    result =
        type < 0 ? VK_ERROR_OUT_OF_DEVICE_MEMORY : api.vkAllocateMemory(device, &allocation, nullptr, &block.memory);
  }
  if (result == VK_SUCCESS) result = api.vkBindBufferMemory(device, block.buffer, block.memory, 0);
  if (result == VK_SUCCESS && kind != BlockKind::kDevice) {
    void* mapped = nullptr;
    result = api.vkMapMemory(device, block.memory, 0, VK_WHOLE_SIZE, 0, &mapped);
    block.mapped = static_cast<uint8_t*>(mapped);
  }
  if (result != VK_SUCCESS) {
    release(block);
    if (is_out_of_memory(result) && kind == BlockKind::kHost) throw_no_host_memory(bytes);
    if (is_out_of_memory(result)) throw_out_of_memory(bytes, allocated_, "the driver refused");
    check_vulkan(result, "allocating a buffer");
  }
  VkBufferDeviceAddressInfo address =
      make_struct<VkBufferDeviceAddressInfo>(VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO);
  address.buffer = block.buffer;
  block.address = api.vkGetBufferDeviceAddress(device, &address);
  return block;
}

void DeviceMemory::release(Block& block) {
  const DeviceApi& api = gpu_->api();
  if (block.memory != VK_NULL_HANDLE) gpu_->settle();  // fills and copies that nobody has waited for
  if (block.buffer != VK_NULL_HANDLE) api.vkDestroyBuffer(gpu_->device(), block.buffer, nullptr);
  if (block.memory != VK_NULL_HANDLE) api.vkFreeMemory(gpu_->device(), block.memory, nullptr);  // unmaps it
  if (block.counted) allocated_ -= block.bytes;
  block = {};
}

void DeviceMemory::submit(VkCommandBuffer commands, VkFence fence) {
  if (faults_.fails(DeviceCall::kSubmit)) throw_lost();
  gpu_->submit(&commands, 1, fence);
}

void DeviceMemory::wait(VkFence fence) {
  gpu_->wait(fence);
  if (faults_.fails(DeviceCall::kWait)) throw_lost();
}

/// A piece that goes back into the ring whatever happens.
class Transfers::Loan {
 public:
  explicit Loan(Transfers& ring) : ring_(ring), piece_(ring.take()) {}
  ~Loan() { ring_.give_back(piece_); }
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;
  Piece& operator*() const { return *piece_; }

 private:
  Transfers& ring_;
  Piece* piece_;
};

Transfers::~Transfers() {
  for (Piece& piece : pieces_) {
    if (piece.busy) {
      memory_.gpu().api().vkWaitForFences(memory_.gpu().device(), 1, &piece.fence, VK_TRUE, UINT64_MAX);
    }
    destroy(piece);
  }
}

void Transfers::create(Piece& piece) {
  Gpu& gpu = memory_.gpu();
  const DeviceApi& api = gpu.api();
  try {
    piece.memory = memory_.allocate(kPieceBytes, BlockKind::kHost);
    VkCommandPoolCreateInfo pool = make_struct<VkCommandPoolCreateInfo>(VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO);
    pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT | VK_COMMAND_POOL_CREATE_TRANSIENT_BIT;
    pool.queueFamilyIndex = gpu.queue_family();
    check_vulkan(api.vkCreateCommandPool(gpu.device(), &pool, nullptr, &piece.pool), "vkCreateCommandPool");
    VkCommandBufferAllocateInfo commands =
        make_struct<VkCommandBufferAllocateInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO);
    commands.commandPool = piece.pool;
    commands.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    commands.commandBufferCount = 1;
    check_vulkan(api.vkAllocateCommandBuffers(gpu.device(), &commands, &piece.commands), "vkAllocateCommandBuffers");
    const VkFenceCreateInfo fence = make_struct<VkFenceCreateInfo>(VK_STRUCTURE_TYPE_FENCE_CREATE_INFO);
    check_vulkan(api.vkCreateFence(gpu.device(), &fence, nullptr, &piece.fence), "vkCreateFence");
  } catch (...) {
    destroy(piece);
    throw;
  }
}

void Transfers::destroy(Piece& piece) {
  const Gpu& gpu = memory_.gpu();
  if (piece.fence != VK_NULL_HANDLE) gpu.api().vkDestroyFence(gpu.device(), piece.fence, nullptr);
  if (piece.pool != VK_NULL_HANDLE) gpu.api().vkDestroyCommandPool(gpu.device(), piece.pool, nullptr);
  memory_.release(piece.memory);
  piece = {};
}

Transfers::Piece* Transfers::take() {
  std::unique_lock lock(mutex_);
  if (idle_.empty() && made_ < kPieces) {
    create(pieces_[made_]);
    return &pieces_[made_++];
  }
  free_.wait(lock, [this] { return !idle_.empty(); });
  // The one that was given back first: its copy is the likeliest to be done.
  Piece* piece = idle_.front();
  idle_.erase(idle_.begin());
  return piece;
}

void Transfers::give_back(Piece* piece) {
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back(piece);
  }
  free_.notify_one();
}

void Transfers::wait(Piece& piece) {
  if (!piece.busy) return;
  piece.busy = false;
  memory_.gpu().wait(piece.fence);
}

template <class Record>
void Transfers::start(Piece& piece, Record record) {
  Gpu& gpu = memory_.gpu();
  const DeviceApi& api = gpu.api();
  check_vulkan(api.vkResetFences(gpu.device(), 1, &piece.fence), "vkResetFences");
  VkCommandBufferBeginInfo begin = make_struct<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
  begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  check_vulkan(api.vkBeginCommandBuffer(piece.commands, &begin), "vkBeginCommandBuffer");
  barrier_for_all(api, piece.commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT);
  record(piece.commands);
  VkMemoryBarrier barrier = make_struct<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  barrier.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  api.vkCmdPipelineBarrier(piece.commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier,
                           0, nullptr, 0, nullptr);
  check_vulkan(api.vkEndCommandBuffer(piece.commands), "vkEndCommandBuffer");
  gpu.submit(&piece.commands, 1, piece.fence);
  piece.busy = true;
}

void Transfers::write(const Block& to, size_t offset, const uint8_t* from, size_t bytes) {
  while (bytes > 0) {
    const size_t part = std::min(bytes, kPieceBytes);
    const Loan loan(*this);
    Piece& piece = *loan;
    wait(piece);
    std::memcpy(piece.memory.mapped, from, part);
    start(piece, [&](VkCommandBuffer commands) {
      const VkBufferCopy copy{0, offset, part};
      memory_.gpu().api().vkCmdCopyBuffer(commands, piece.memory.buffer, to.buffer, 1, &copy);
    });
    offset += part, from += part, bytes -= part;
  }
}

void Transfers::read(const Block& from, size_t offset, uint8_t* to, size_t bytes) {
  while (bytes > 0) {
    const size_t part = std::min(bytes, kPieceBytes);
    const Loan loan(*this);
    Piece& piece = *loan;
    wait(piece);
    start(piece, [&](VkCommandBuffer commands) {
      const VkBufferCopy copy{offset, 0, part};
      memory_.gpu().api().vkCmdCopyBuffer(commands, from.buffer, piece.memory.buffer, 1, &copy);
    });
    wait(piece);
    std::memcpy(to, piece.memory.mapped, part);
    offset += part, to += part, bytes -= part;
  }
}

void Transfers::zero(const Block& block) {
  const Loan loan(*this);
  wait(*loan);
  start(*loan, [&](VkCommandBuffer commands) {
    memory_.gpu().api().vkCmdFillBuffer(commands, block.buffer, 0, VK_WHOLE_SIZE, 0);
  });
  wait(*loan);
}

void Transfers::finish() {
  const std::lock_guard lock(mutex_);
  for (Piece* piece : idle_) wait(*piece);
}

namespace {

class GpuBuffer final : public Buffer {
 public:
  GpuBuffer(std::shared_ptr<DeviceMemory> memory, size_t bytes, BlockKind kind) : memory_(std::move(memory)) {
    block_ = memory_->allocate(bytes, kind);
    try {
      if (block_.mapped != nullptr) {
        std::memset(block_.mapped, 0, bytes);
      } else {
        memory_->transfers().zero(block_);
      }
    } catch (...) {
      memory_->release(block_);
      throw;
    }
  }
  ~GpuBuffer() override {
    // Copies to a buffer that nobody wants any more may be under way.
    if (block_.mapped == nullptr) finish_quietly();
    memory_->release(block_);
  }

  size_t size() const override { return block_.bytes; }
  uint8_t* host_data() override { return block_.mapped; }
  VkDeviceAddress address() const { return block_.address; }

  void write(size_t offset, std::span<const uint8_t> bytes) override {
    check_range(offset, bytes.size());
    if (bytes.empty()) return;
    if (block_.mapped == nullptr) return memory_->transfers().write(block_, offset, bytes.data(), bytes.size());
    std::memcpy(block_.mapped + offset, bytes.data(), bytes.size());
  }

  void read(size_t offset, std::span<uint8_t> bytes) const override {
    check_range(offset, bytes.size());
    if (bytes.empty()) return;
    if (block_.mapped == nullptr) return memory_->transfers().read(block_, offset, bytes.data(), bytes.size());
    std::memcpy(bytes.data(), block_.mapped + offset, bytes.size());
  }

 private:
  void check_range(size_t offset, size_t bytes) const {
    if (offset > block_.bytes || bytes > block_.bytes - offset) {
      throw Error(ErrorCode::kInternal, "Vulkan: a range outside its buffer");
    }
  }

  void finish_quietly() {
    try {
      memory_->transfers().finish();
    } catch (const Error&) {  // a lost device has no copies under way
    }
  }

  const std::shared_ptr<DeviceMemory> memory_;
  Block block_;
};

}  // namespace

std::unique_ptr<Buffer> make_buffer(std::shared_ptr<DeviceMemory> memory, size_t bytes, BufferUse use) {
  const BlockKind kind = in_host_memory(use) ? BlockKind::kHost
                         : memory->unified() ? BlockKind::kUnified
                                             : BlockKind::kDevice;
  return std::make_unique<GpuBuffer>(std::move(memory), bytes, kind);
}

VkDeviceAddress device_address(const Buffer* buffer, size_t offset) {
  const auto* gpu = dynamic_cast<const GpuBuffer*>(buffer);
  if (gpu == nullptr) throw Error(ErrorCode::kInternal, "Vulkan: a buffer of another device");
  return gpu->address() + offset;
}

}  // namespace vivace::vulkan
