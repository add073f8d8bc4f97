// The stream of a GPU: steps are recorded as graphs, one for each key and size of step, and replayed.
#pragma once

#include <memory>

#include "backends/cuda/launch.h"
#include "backends/cuda/memory.h"

namespace vivace::cuda {

/// Bytes of device memory that a stream takes: the mirror of the inputs and the operations' workspace.
size_t stream_bytes(const DeviceFacts& facts, const StepLimits& limits);

/// `inputs` and `facts` must outlive the stream.
std::unique_ptr<Stream> make_stream(std::shared_ptr<DeviceMemory> memory, const DeviceFacts& facts,
                                    const StepInputs& inputs);

}  // namespace vivace::cuda
