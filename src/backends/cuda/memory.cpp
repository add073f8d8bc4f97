#include "backends/cuda/memory.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "backends/cuda/launch.h"
#include "base/error.h"

namespace vivace::cuda {
namespace {

std::string mebibytes(size_t bytes) { return std::to_string((bytes + (size_t{1} << 20) - 1) >> 20) + " MiB"; }

[[noreturn]] void throw_out_of_memory(size_t bytes, size_t allocated, const std::string& why) {
  throw Error(ErrorCode::kOutOfMemory,
              "the GPU has no " + mebibytes(bytes) + " more, " + mebibytes(allocated) + " are taken: " + why,
              "offload fewer layers or shorten the context");
}

}  // namespace

UploadRing::~UploadRing() {
  for (Piece& piece : pieces_) {
    if (piece.stream) {
      cudaStreamSynchronize(piece.stream);
      cudaStreamDestroy(piece.stream);
    }
    if (piece.memory) cudaFreeHost(piece.memory);
  }
}

UploadRing::Piece& UploadRing::take() {
  std::unique_lock lock(mutex_);
  if (idle_.empty() && made_ < kPieces) {
    Piece& piece = pieces_[made_];
    if (!piece.memory) {
      void* memory = nullptr;
      check_gpu(cudaHostAlloc(&memory, kPieceBytes, cudaHostAllocPortable), "cudaHostAlloc");
      piece.memory = static_cast<uint8_t*>(memory);
    }
    if (!piece.stream) {
      check_gpu(cudaStreamCreateWithFlags(&piece.stream, cudaStreamNonBlocking), "cudaStreamCreate");
    }
    ++made_;
    return piece;
  }
  free_.wait(lock, [this] { return !idle_.empty(); });
  // The one that was given back first: its copy is the likeliest to be done.
  Piece* piece = idle_.front();
  idle_.erase(idle_.begin());
  return *piece;
}

void UploadRing::give_back(Piece& piece) {
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back(&piece);
  }
  free_.notify_one();
}

void UploadRing::write(uint8_t* to, const uint8_t* from, size_t bytes) {
  while (bytes > 0) {
    const size_t part = std::min(bytes, kPieceBytes);
    Piece& piece = take();
    cudaError_t status = cudaStreamSynchronize(piece.stream);
    if (status == cudaSuccess) {
      std::memcpy(piece.memory, from, part);
      status = cudaMemcpyAsync(to, piece.memory, part, cudaMemcpyHostToDevice, piece.stream);
      started_ = true;
    }
    give_back(piece);
    check_gpu(status, "a copy to the GPU");
    to += part;
    from += part;
    bytes -= part;
  }
}

void UploadRing::finish() {
  if (!started_.exchange(false)) return;
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < made_; ++i) check_gpu(cudaStreamSynchronize(pieces_[i].stream), "copies to the GPU");
}

DeviceMemory::DeviceMemory(int index, std::optional<size_t> budget, const DeviceFaultPlan& faults)
    : index_(index), budget_(budget), faults_(faults) {
  select();
  check_gpu(cudaStreamCreateWithFlags(&transfers_, cudaStreamNonBlocking), "cudaStreamCreate");
}

DeviceMemory::~DeviceMemory() {
  select_quietly();
  cudaStreamDestroy(transfers_);
}

void DeviceMemory::select() const { check_gpu(cudaSetDevice(index_), "cudaSetDevice"); }

void DeviceMemory::select_quietly() const { cudaSetDevice(index_); }

uint8_t* DeviceMemory::allocate(size_t bytes) {
  const std::lock_guard lock(budget_mutex_);
  select();
  if (budget_ && bytes > *budget_ - std::min<size_t>(*budget_, allocated_)) {
    throw_out_of_memory(bytes, allocated_, "the budget is " + mebibytes(*budget_));
  }
  void* memory = nullptr;
  const bool fails = faults_.fails(DeviceCall::kAllocate);
  const cudaError_t status = fails ? cudaErrorMemoryAllocation : cudaMalloc(&memory, std::max<size_t>(bytes, 1));
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // or the next launch would report it
    throw_out_of_memory(bytes, allocated_, "the driver refused");
  }
  check_gpu(status, "cudaMalloc");
  allocated_ += bytes;
  return static_cast<uint8_t*>(memory);
}

void DeviceMemory::release(uint8_t* memory, size_t bytes) {
  select_quietly();
  cudaFree(memory);
  allocated_ -= bytes;
}

uint8_t* DeviceMemory::allocate_host(size_t bytes) {
  select();
  void* memory = nullptr;
  const bool fails = faults_.fails(DeviceCall::kMap);
  const cudaError_t status =
      fails ? cudaErrorMemoryAllocation
            : cudaHostAlloc(&memory, std::max<size_t>(bytes, 1), cudaHostAllocPortable | cudaHostAllocMapped);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw Error(ErrorCode::kOutOfMemory, "the system can't lock " + mebibytes(bytes) + " of host memory for the GPU",
                "shorten the context or free memory");
  }
  check_gpu(status, "cudaHostAlloc");
  return static_cast<uint8_t*>(memory);
}

void DeviceMemory::release_host(uint8_t* memory) {
  select_quietly();
  cudaFreeHost(memory);
}

void DeviceMemory::count_call(DeviceCall call) {
  if (!faults_.fails(call)) return;
  throw Error(ErrorCode::kDeviceLost, "the GPU stopped answering", "run without the GPU or restart the program");
}

namespace {

/// A buffer whose address kernels know.
class GpuBuffer : public Buffer {
 public:
  GpuBuffer(std::shared_ptr<DeviceMemory> memory, size_t bytes) : memory_(std::move(memory)), bytes_(bytes) {}

  size_t size() const override { return bytes_; }
  uint8_t* address() const { return address_; }

 protected:
  void check_range(size_t offset, size_t bytes) const {
    if (offset > bytes_ || bytes > bytes_ - offset)
      throw Error(ErrorCode::kInternal, "CUDA: a range outside its buffer");
  }

  const std::shared_ptr<DeviceMemory> memory_;
  const size_t bytes_;
  uint8_t* address_ = nullptr;
};

class DeviceBuffer final : public GpuBuffer {
 public:
  DeviceBuffer(std::shared_ptr<DeviceMemory> memory, size_t bytes) : GpuBuffer(std::move(memory), bytes) {
    address_ = memory_->allocate(bytes);
    const std::lock_guard lock(memory_->transfer_mutex());
    cudaError_t status = cudaMemsetAsync(address_, 0, bytes, memory_->transfers());
    if (status == cudaSuccess) status = cudaStreamSynchronize(memory_->transfers());
    if (status == cudaSuccess) return;
    memory_->release(address_, bytes_);
    check_gpu(status, "cudaMemset");
  }
  ~DeviceBuffer() override { memory_->release(address_, bytes_); }

  uint8_t* host_data() override { return nullptr; }

  void write(size_t offset, std::span<const uint8_t> bytes) override {
    check_range(offset, bytes.size());
    memory_->select();
    memory_->uploads().write(address_ + offset, bytes.data(), bytes.size());
  }

  void read(size_t offset, std::span<uint8_t> bytes) const override {
    check_range(offset, bytes.size());
    memory_->select();
    memory_->uploads().finish();
    const std::lock_guard lock(memory_->transfer_mutex());
    const cudaStream_t stream = memory_->transfers();
    check_gpu(cudaMemcpyAsync(bytes.data(), address_ + offset, bytes.size(), cudaMemcpyDeviceToHost, stream),
              "a copy from the GPU");
    check_gpu(cudaStreamSynchronize(stream), "a copy from the GPU");
  }
};

class LockedBuffer final : public GpuBuffer {
 public:
  LockedBuffer(std::shared_ptr<DeviceMemory> memory, size_t bytes) : GpuBuffer(std::move(memory), bytes) {
    address_ = memory_->allocate_host(bytes);
    std::memset(address_, 0, bytes);
  }
  ~LockedBuffer() override { memory_->release_host(address_); }

  uint8_t* host_data() override { return address_; }

  void write(size_t offset, std::span<const uint8_t> bytes) override {
    check_range(offset, bytes.size());
    if (!bytes.empty()) std::memcpy(address_ + offset, bytes.data(), bytes.size());
  }

  void read(size_t offset, std::span<uint8_t> bytes) const override {
    check_range(offset, bytes.size());
    if (!bytes.empty()) std::memcpy(bytes.data(), address_ + offset, bytes.size());
  }
};

}  // namespace

std::unique_ptr<Buffer> make_buffer(std::shared_ptr<DeviceMemory> memory, size_t bytes, BufferUse use) {
  if (in_host_memory(use)) return std::make_unique<LockedBuffer>(std::move(memory), bytes);
  return std::make_unique<DeviceBuffer>(std::move(memory), bytes);
}

uint8_t* device_address(const Buffer* buffer, size_t offset) {
  const auto* gpu = dynamic_cast<const GpuBuffer*>(buffer);
  if (gpu == nullptr) throw Error(ErrorCode::kInternal, "CUDA: a buffer of another device");
  return gpu->address() + offset;
}

}  // namespace vivace::cuda
