// What a recorded step reads of the inputs, for devices whose kernels can't refuse: checked before it runs.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "device/ops.h"
#include "device/step_inputs.h"

namespace vivace {

class StepNeeds {
 public:
  void add(const EmbedArgs& args) { vocabulary_ = args.table.rows; }
  void add(const KvWriteArgs& args) {
    if (std::find(groups_.begin(), groups_.end(), args.kv.group) == groups_.end()) groups_.push_back(args.kv.group);
  }

  /// Throws Error kInvalidArgument for a token outside the vocabulary, kInternal for a position without a page.
  void check(const StepInputs& inputs) const {
    for (int32_t t = 0; t < inputs.tokens(); ++t) {
      const int32_t id = inputs.token_ids()[t];
      if (vocabulary_ > 0 && (id < 0 || id >= vocabulary_)) {
        throw Error(ErrorCode::kInvalidArgument,
                    "token id " + std::to_string(id) + " is outside the vocabulary of " + std::to_string(vocabulary_));
      }
      for (int32_t group : groups_) check_page(inputs, group, t);
    }
  }

 private:
  static void check_page(const StepInputs& inputs, int32_t group, int32_t token) {
    const int32_t position = inputs.positions()[token], sequence = inputs.token_sequence()[token];
    const StepLimits& limits = inputs.limits();
    const bool inside = position >= 0 && position / kPageTokens < limits.pages && sequence >= 0 &&
                        sequence < limits.sequences && group >= 0 && group < limits.kv_groups;
    if (inside && inputs.page_table(group, sequence)[position / kPageTokens] >= 0) return;
    throw Error(ErrorCode::kInternal, "position " + std::to_string(position) + " of a sequence has no page");
  }

  int64_t vocabulary_ = 0;       // rows of the embedding table; 0: no token ids are read
  std::vector<int32_t> groups_;  // whose pages take the step's keys and values
};

}  // namespace vivace
