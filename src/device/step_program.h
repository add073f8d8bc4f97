// A step's calls as a list, for devices that record them: neighbours that one kernel can do become one call.
#pragma once

#include <variant>
#include <vector>

#include "device/fused_calls.h"

namespace vivace {

using Call = std::variant<EmbedArgs, NormArgs, PrepareArgs, MatmulArgs, AddArgs, ScaleArgs, GluArgs, RopeTableArgs,
                          RopeArgs, KvWriteArgs, AttentionArgs, GatherArgs, CopyArgs, AddNormCall, HeadsCall>;
using Program = std::vector<Call>;

/// Replaces neighbours by calls that do the same in fewer launches.
Program fuse(const Program& program);

/// The rows that a call runs over; a set with no rows needs no launch.
RowSet rows_of(const Call& call);

}  // namespace vivace
