// A device's memory: what is allocated and how much may be, buffers known by their addresses, and the ring of mapped
// pieces through which host bytes go up and down.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "backends/vulkan/gpu.h"
#include "device/device.h"
#include "device/fault.h"

namespace vivace::vulkan {

/// A VkBuffer with memory of its own.
struct Block {
  VkBuffer buffer = VK_NULL_HANDLE;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  VkDeviceAddress address = 0;
  uint8_t* mapped = nullptr;  // where the host sees it, or null
  size_t bytes = 0;           // as asked for
  bool counted = false;       // against the device's budget
};

enum class BlockKind : uint8_t {
  kDevice,   // the device's own memory
  kHost,     // mapped, coherent, cached host memory
  kUnified,  // both at once
};

class Transfers;

/// What a device shares with its buffers and streams, which may outlive it.
class DeviceMemory {
 public:
  DeviceMemory(std::shared_ptr<Gpu> gpu, bool unified, std::optional<size_t> budget, const DeviceFaultPlan& faults);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  Gpu& gpu() const { return *gpu_; }
  /// Whether every buffer is host memory.
  bool unified() const { return unified_; }

  /// Memory, not zeroed; kDevice and kUnified are counted until release(). Throws Error kOutOfMemory with the sizes.
  Block allocate(size_t bytes, BlockKind kind);
  void release(Block& block);
  size_t allocated() const { return allocated_; }

  Transfers& transfers() { return *transfers_; }
  /// Submits and waits, as far as no fault is to be made. Throws Error kDeviceLost.
  void submit(VkCommandBuffer commands, VkFence fence);
  void wait(VkFence fence);

 private:
  Block create(size_t bytes, BlockKind kind);

  const std::shared_ptr<Gpu> gpu_;
  const bool unified_;
  const std::optional<size_t> budget_;
  DeviceFaults faults_;
  std::mutex budget_mutex_;
  std::atomic<size_t> allocated_{0};
  std::unique_ptr<Transfers> transfers_;
};

/// Copies between host and device from several threads at once: each call fills pieces of mapped memory and starts
/// their copies; the last ones up may still be under way when it returns.
class Transfers {
 public:
  explicit Transfers(DeviceMemory& memory) : memory_(memory) {}
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  void write(const Block& to, size_t offset, const uint8_t* from, size_t bytes);
  void read(const Block& from, size_t offset, uint8_t* to, size_t bytes);
  void zero(const Block& block);
  /// Waits for the copies of all calls that have returned.
  void finish();

 private:
  static constexpr size_t kPieces = 4, kPieceBytes = size_t{4} << 20;
  struct Piece {
    Block memory;
    VkCommandPool pool = VK_NULL_HANDLE;
    VkCommandBuffer commands = VK_NULL_HANDLE;
    VkFence fence = VK_NULL_HANDLE;
    bool busy = false;  // its copy was submitted
  };
  class Loan;

  Piece* take();
  void give_back(Piece* piece);
  void create(Piece& piece);
  void destroy(Piece& piece);
  void wait(Piece& piece);
  template <class Record>
  void start(Piece& piece, Record record);

  DeviceMemory& memory_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::array<Piece, kPieces> pieces_;
  std::vector<Piece*> idle_;
  size_t made_ = 0;
};

/// Zeroed memory of the device, or mapped host memory for the uses that want it.
std::unique_ptr<Buffer> make_buffer(std::shared_ptr<DeviceMemory> memory, size_t bytes, BufferUse use);

/// The address of a buffer of this backend on the device. Throws Error kInternal for another's.
VkDeviceAddress device_address(const Buffer* buffer, size_t offset);

}  // namespace vivace::vulkan
