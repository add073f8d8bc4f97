// A step's calls as a list, from which launches are made once: neighbouring calls that one kernel can do become one.
#pragma once

#include <variant>
#include <vector>

#include "backends/cuda/heads.h"
#include "backends/cuda/launch.h"

namespace vivace::cuda {

/// An addition and the norm of its sum.
struct AddNormCall {
  AddArgs add;
  NormArgs norm;
};

/// Norm and rotation of the heads of one tensor, or of queries and keys.
struct HeadsCall {
  std::array<HeadsItem, 2> items;
  int32_t count = 0;
};

using Call = std::variant<EmbedArgs, NormArgs, PrepareArgs, MatmulArgs, AddArgs, ScaleArgs, GluArgs, RopeTableArgs,
                          RopeArgs, KvWriteArgs, AttentionArgs, GatherArgs, CopyArgs, AddNormCall, HeadsCall>;
using Program = std::vector<Call>;

/// Replaces neighbours by calls that do the same in fewer launches.
Program fuse(const Program& program);

/// Launches all calls. Throws what the operations throw.
void enqueue(const Launch& launch, const Program& program);

}  // namespace vivace::cuda
