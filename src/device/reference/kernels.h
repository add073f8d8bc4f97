// The reference's operations as free functions over host memory; each reads its rows from the step.
#pragma once

#include "device/device.h"

namespace vivace::reference {

void embed(const StepInputs& step, const EmbedArgs& args);
void norm(const StepInputs& step, const NormArgs& args);
void matmul(const StepInputs& step, const MatmulArgs& args);
void add(const StepInputs& step, const AddArgs& args);
void scale(const StepInputs& step, const ScaleArgs& args);
void glu(const StepInputs& step, const GluArgs& args);
void rope_table(const StepInputs& step, const RopeTableArgs& args);
void rope(const StepInputs& step, const RopeArgs& args);
void kv_write(const StepInputs& step, const KvWriteArgs& args);
void attention(const StepInputs& step, const AttentionArgs& args);
void gather(const StepInputs& step, const GatherArgs& args);
void copy(const StepInputs& step, const CopyArgs& args);

}  // namespace vivace::reference
