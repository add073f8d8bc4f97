// A GPU's memory: what is allocated and how much may be, and the ring of page-locked pieces through which host bytes go
// up.
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

#include "backends/cuda/gpu.h"
#include "device/device.h"
#include "device/fault.h"

namespace vivace::cuda {

/// Copies to the device from several threads at once: each call fills pieces of page-locked memory and starts their
/// copies; the last ones may still be under way when it returns.
class UploadRing {
 public:
  UploadRing() = default;
  ~UploadRing();
  UploadRing(const UploadRing&) = delete;
  UploadRing& operator=(const UploadRing&) = delete;

  void write(uint8_t* to, const uint8_t* from, size_t bytes);
  /// Waits for the copies of all calls that have returned.
  void finish();

 private:
  static constexpr size_t kPieces = 8, kPieceBytes = size_t{4} << 20;
  struct Piece {
    uint8_t* memory = nullptr;
    cudaStream_t stream = nullptr;
  };

  Piece& take();
  void give_back(Piece& piece);

  std::mutex mutex_;
  std::condition_variable free_;
  std::array<Piece, kPieces> pieces_;
  std::vector<Piece*> idle_;
  size_t made_ = 0;
  std::atomic<bool> started_{false};  // a copy was started since the last finish()
};

/// What a device shares with its buffers and streams, which may outlive it.
class DeviceMemory {
 public:
  DeviceMemory(int index, std::optional<size_t> budget, const DeviceFaultPlan& faults);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  /// Makes the device the calling thread's: before every call of the runtime.
  void select() const;
  /// The same where nothing can be done about a failure: in destructors.
  void select_quietly() const;
  /// Device memory, not zeroed, counted until release(). Throws Error kOutOfMemory with the sizes.
  uint8_t* allocate(size_t bytes);
  void release(uint8_t* memory, size_t bytes);
  /// Page-locked host memory that kernels reach by the same address.
  uint8_t* allocate_host(size_t bytes);
  void release_host(uint8_t* memory);

  size_t allocated() const { return allocated_; }
  /// Counts a call; where it has to fail, the Error that the driver's failure would be.
  void count_call(DeviceCall call);
  UploadRing& uploads() { return uploads_; }
  /// A stream for copies and fills; only under transfer_mutex().
  cudaStream_t transfers() const { return transfers_; }
  std::mutex& transfer_mutex() { return transfer_mutex_; }

 private:
  const int index_;
  const std::optional<size_t> budget_;
  DeviceFaults faults_;
  std::mutex transfer_mutex_;
  cudaStream_t transfers_ = nullptr;
  std::mutex budget_mutex_;
  std::atomic<size_t> allocated_{0};
  UploadRing uploads_;
};

/// Zeroed memory of the device, or page-locked host memory for the uses that want it.
std::unique_ptr<Buffer> make_buffer(std::shared_ptr<DeviceMemory> memory, size_t bytes, BufferUse use);

}  // namespace vivace::cuda
