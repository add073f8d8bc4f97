#include "backends/cuda/program.h"

#include "backends/cuda/heads.h"
#include "backends/cuda/kernels.h"
#include "backends/cuda/norm.h"

namespace vivace::cuda {
namespace {

/// Calls an operation's function for what the variant holds.
struct Enqueue {
  const Launch& launch;

  void operator()(const EmbedArgs& args) const { enqueue_embed(launch, args); }
  void operator()(const NormArgs& args) const { enqueue_norm(launch, args); }
  void operator()(const PrepareArgs& args) const { enqueue_prepare(launch, args); }
  void operator()(const MatmulArgs& args) const { enqueue_matmul(launch, args); }
  void operator()(const AddArgs& args) const { enqueue_add(launch, args); }
  void operator()(const ScaleArgs& args) const { enqueue_scale(launch, args); }
  void operator()(const GluArgs& args) const { enqueue_glu(launch, args); }
  void operator()(const RopeTableArgs& args) const { enqueue_rope_table(launch, args); }
  void operator()(const RopeArgs& args) const { enqueue_rope(launch, args); }
  void operator()(const KvWriteArgs& args) const { enqueue_kv_write(launch, args); }
  void operator()(const AttentionArgs& args) const { enqueue_attention(launch, args); }
  void operator()(const GatherArgs& args) const { enqueue_gather(launch, args); }
  void operator()(const CopyArgs& args) const { enqueue_copy(launch, args); }
  void operator()(const AddNormCall& call) const { enqueue_add_norm(launch, call.add, call.norm); }
  void operator()(const HeadsCall& call) const { enqueue_heads(launch, call.items.data(), call.count); }
};

}  // namespace

void enqueue(const Launch& launch, const Program& program) {
  for (const Call& call : program) {
    if (launch.rows(rows_of(call)) > 0) std::visit(Enqueue{launch}, call);
  }
}

}  // namespace vivace::cuda
