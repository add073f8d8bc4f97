// A device that is only planned with: one that a catalogue describes, not one that is here.
#pragma once

#include <memory>

#include "device/device.h"

namespace vivace {

/// What a paper device is and what it holds besides weights and KV cache.
struct PaperFacts {
  DeviceInfo info;  // id, name, kind, memory_usable, unified_memory; kernels are added
  size_t workspace = 0;
};

/// Answers every question of the planner as a device of that kind of this program would: a CPU keeps matrices in
/// panels, a GPU in the file's rows. It allocates nothing: allocate() and create_stream() throw Error kInternal.
std::unique_ptr<Device> make_paper_device(PaperFacts facts);

}  // namespace vivace
