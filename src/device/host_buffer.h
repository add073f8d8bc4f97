// Plain host memory as a device Buffer, for devices whose memory the host may touch.
#pragma once

#include <memory>

#include "device/tensor.h"

namespace vivace {

/// `bytes` of zeroed host memory at a multiple of 64. Throws Error kOutOfMemory with the size.
std::unique_ptr<Buffer> make_host_buffer(size_t bytes);

}  // namespace vivace
