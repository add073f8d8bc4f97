// The stream of a Vulkan device: steps are recorded as command buffers, one for each key and bucket, and replayed.
#pragma once

#include <memory>

#include "backends/vulkan/memory.h"

namespace vivace::vulkan {

/// Bytes of device memory that a stream takes: the mirror of the inputs and the operations' workspace.
size_t stream_bytes(const GpuFacts& facts, const StepLimits& limits);

/// `inputs` must outlive the stream.
std::unique_ptr<Stream> make_stream(std::shared_ptr<DeviceMemory> memory, const StepInputs& inputs);

}  // namespace vivace::vulkan
