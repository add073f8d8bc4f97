// RMS norm and layer norm, and the forms of an activation that matmuls read.
#include <algorithm>
#include <bit>

#include "backends/vulkan/operations.h"
#include "base/error.h"

namespace vivace::vulkan {
namespace {

struct NormPush {
  RowsPush from, result;
  VkDeviceAddress count, weight, bias;
  uint32_t segment;
  float epsilon;
};

}  // namespace

void record(Recorder& recorder, const NormArgs& args) {
  if (!args.output) throw Error(ErrorCode::kInternal, "Vulkan: a norm without an output");
  const uint32_t columns = uint32_t(args.output.columns);
  const uint32_t segment = args.segment > 0 ? uint32_t(args.segment) : columns;
  if (columns % segment != 0) throw Error(ErrorCode::kInternal, "Vulkan: segments don't divide the row");
  const NormPush push{rows_push(args.input),
                      rows_push(args.output),
                      recorder.count(args.rows),
                      weight_address(args.weight),
                      weight_address(args.bias),
                      segment,
                      args.epsilon};
  const uint32_t threads =
      std::clamp(std::bit_ceil(segment), 32u, std::min(512u, std::bit_floor(recorder.facts().most_threads)));
  recorder.dispatch(find_kernel("norm"), {threads, uint32_t(args.kind == NormKind::kLayer)}, push,
                    {columns / segment, uint32_t(recorder.rows(args.rows))});
}

void record(Recorder& /*recorder*/, const PrepareArgs& args) {
  if (args.prepared) throw Error(ErrorCode::kInternal, "Vulkan: it has no prepared activations");
}

}  // namespace vivace::vulkan
