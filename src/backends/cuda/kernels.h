// The operations: one .cu file each. Each checks its arguments (Error kUnsupported, kInternal) and launches its
// kernels.
#pragma once

#include "backends/cuda/launch.h"

namespace vivace::cuda {

void enqueue_embed(const Launch& launch, const EmbedArgs& args);
void enqueue_norm(const Launch& launch, const NormArgs& args);
void enqueue_prepare(const Launch& launch, const PrepareArgs& args);
void enqueue_matmul(const Launch& launch, const MatmulArgs& args);
void enqueue_add(const Launch& launch, const AddArgs& args);
void enqueue_scale(const Launch& launch, const ScaleArgs& args);
void enqueue_glu(const Launch& launch, const GluArgs& args);
void enqueue_rope_table(const Launch& launch, const RopeTableArgs& args);
void enqueue_rope(const Launch& launch, const RopeArgs& args);
void enqueue_kv_write(const Launch& launch, const KvWriteArgs& args);
void enqueue_attention(const Launch& launch, const AttentionArgs& args);
void enqueue_gather(const Launch& launch, const GatherArgs& args);
void enqueue_copy(const Launch& launch, const CopyArgs& args);

/// Workspace that the operation takes at most, whatever the model.
size_t matmul_workspace_bytes(const DeviceFacts& device, const StepLimits& limits);
size_t attention_workspace_bytes(const DeviceFacts& device, const StepLimits& limits);

}  // namespace vivace::cuda
