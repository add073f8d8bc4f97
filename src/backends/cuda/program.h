// A step's calls become launches.
#pragma once

#include "backends/cuda/launch.h"
#include "device/step_program.h"

namespace vivace::cuda {

/// Launches all calls. Throws what the operations throw.
void enqueue(const Launch& launch, const Program& program);

}  // namespace vivace::cuda
