// The operations: each checks its arguments (Error kUnsupported, kInternal) and records its kernels.
#pragma once

#include <string>

#include "backends/vulkan/recorder.h"
#include "device/step_program.h"

namespace vivace::vulkan {

void record(Recorder& recorder, const EmbedArgs& args);
void record(Recorder& recorder, const NormArgs& args);
void record(Recorder& recorder, const PrepareArgs& args);
void record(Recorder& recorder, const MatmulArgs& args);
void record(Recorder& recorder, const AddArgs& args);
void record(Recorder& recorder, const ScaleArgs& args);
void record(Recorder& recorder, const GluArgs& args);
void record(Recorder& recorder, const RopeTableArgs& args);
void record(Recorder& recorder, const RopeArgs& args);
void record(Recorder& recorder, const KvWriteArgs& args);
void record(Recorder& recorder, const AttentionArgs& args);
void record(Recorder& recorder, const GatherArgs& args);
void record(Recorder& recorder, const CopyArgs& args);
void record(Recorder& recorder, const AddNormCall& call);
void record(Recorder& recorder, const HeadsCall& call);

/// Throws Error kInternal.
void check_rotation(int32_t rotary_dim, int32_t head_dim);
/// Threads of a workgroup that normalises so many columns: what cuts the sum, so the same wherever it is taken.
uint32_t norm_threads(uint32_t segment, const GpuFacts& facts);

/// What the shader of a weight format has in its name: "q4_k".
std::string format_suffix(const FormatRow& format);

/// Scratch that the operation takes at most, whatever the model.
size_t attention_workspace_bytes(const GpuFacts& facts, const StepLimits& limits);

}  // namespace vivace::vulkan
