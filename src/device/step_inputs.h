// Everything that changes from one step to the next, in one block at fixed addresses, so that a recorded sequence of
// calls can be replayed with new inputs. The engine fills it; operations read it when they execute.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace vivace {

/// Positions in a KV page. Attention merges tiles of kAttentionTile positions, cut by absolute position.
constexpr int32_t kPageTokens = 32;
constexpr int32_t kAttentionTile = 256;

struct StepLimits {
  int32_t tokens = 512;   // most tokens in a step (the batch size lever)
  int32_t sequences = 1;  // most sequences in a step
  int32_t outputs = 1;    // most rows of logits in a step
  int32_t kv_groups = 1;  // page tables per sequence
  int32_t pages = 1;      // most pages of a sequence: ceil(context length / kPageTokens)

  bool operator==(const StepLimits&) const = default;
};

/// Tokens of one sequence are neighbours and ascend in position. A page table entry is a page of the group's pool, or
/// -1 where the window has left the page behind.
class StepInputs {
 public:
  explicit StepInputs(const StepLimits& limits);

  const StepLimits& limits() const { return limits_; }
  /// The whole block, for devices that mirror it; the offset of each part depends only on the limits.
  std::span<const int32_t> block() const { return block_; }

  int32_t& tokens() { return block_[0]; }
  int32_t& sequences() { return block_[1]; }
  int32_t& outputs() { return block_[2]; }
  int32_t tokens() const { return block_[0]; }
  int32_t sequences() const { return block_[1]; }
  int32_t outputs() const { return block_[2]; }

  int32_t* token_ids() { return block_.data() + token_ids_; }              // [tokens]
  int32_t* positions() { return block_.data() + positions_; }              // [tokens]
  int32_t* token_sequence() { return block_.data() + token_sequence_; }    // [tokens] index of the token's sequence
  int32_t* output_rows() { return block_.data() + output_rows_; }          // [outputs] row of the token in this step
  int32_t* sequence_begin() { return block_.data() + sequence_begin_; }    // [sequences] first row
  int32_t* sequence_tokens() { return block_.data() + sequence_tokens_; }  // [sequences] rows
  int32_t* page_table(int32_t group, int32_t sequence) {                   // [pages]
    return block_.data() + page_tables_ + (int64_t{group} * limits_.sequences + sequence) * limits_.pages;
  }
  const int32_t* token_ids() const { return block_.data() + token_ids_; }
  const int32_t* positions() const { return block_.data() + positions_; }
  const int32_t* token_sequence() const { return block_.data() + token_sequence_; }
  const int32_t* output_rows() const { return block_.data() + output_rows_; }
  const int32_t* sequence_begin() const { return block_.data() + sequence_begin_; }
  const int32_t* sequence_tokens() const { return block_.data() + sequence_tokens_; }
  const int32_t* page_table(int32_t group, int32_t sequence) const {
    return block_.data() + page_tables_ + (int64_t{group} * limits_.sequences + sequence) * limits_.pages;
  }

 private:
  StepLimits limits_;
  size_t token_ids_, positions_, token_sequence_, output_rows_, sequence_begin_, sequence_tokens_, page_tables_;
  std::vector<int32_t> block_;
};

}  // namespace vivace
