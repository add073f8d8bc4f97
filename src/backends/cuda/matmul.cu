// The matmul operation: weights of one format, or of a pair, go into one grid; the formats' own files hold the kernels.
#include <algorithm>
#include <string>

#include "backends/cuda/formats/all.h"
#include "backends/cuda/kernels.h"
#include "backends/cuda/matmul_blocks.h"
#include "base/error.h"

namespace vivace::cuda {
namespace {

void check_item(const MatmulArgs& args, const MatmulItem& item) {
  const Weight& weight = item.weight;
  if (weight.layout != Layout::kRows) {
    throw Error{ErrorCode::kUnsupported,
                std::string("matmul: the GPU reads weights by rows, not this layout of ") + weight.format->name, ""};
  }
  const int32_t columns = args.input.prepared ? args.input.prepared.columns : args.input.values.columns;
  if (weight.columns != columns || item.output.columns != weight.rows) {
    throw Error{ErrorCode::kInternal, "matmul: the sizes of input, weight and output differ", ""};
  }
  const bool needs_values = weight.format->format == Format::kF32;
  const PreparedKinds kind = needs_values ? 0 : prepared_kind_of(weight.format->format);
  if (needs_values ? !args.input.values : (args.input.prepared.kinds & kind) != kind || !args.input.prepared) {
    throw Error{ErrorCode::kInternal,
                std::string("matmul: the input lacks the form that ") + weight.format->name + " reads", ""};
  }
}

MatmulWeight to_device(const MatmulItem& item) {
  MatmulWeight weight{};
  weight.data = device_weight(item.weight);
  weight.bias = device_vector(item.bias);
  weight.output = device_floats(item.output);
  weight.rows = static_cast<int32_t>(item.weight.rows);
  weight.output_stride = item.output.stride;
  weight.row_bytes = static_cast<int64_t>(row_bytes(*item.weight.format, static_cast<size_t>(item.weight.columns)));
  return weight;
}

/// What the kernels of the call share; no weights yet.
MatmulItems items_of(const Launch& launch, const MatmulArgs& args) {
  MatmulItems items{};
  items.columns = static_cast<int32_t>(args.items[0].weight.columns);
  items.tokens = launch.count(args.rows);
  items.bucket = launch.rows(args.rows);
  if (const Prepared& prepared = args.input.prepared) {
    items.input =
        prepared_view(device_address(prepared.buffer, prepared.offset), prepared.kinds, prepared.columns, items.bucket);
  }
  return items;
}

void add_weights(MatmulItems& items, const MatmulArgs& args, Format format, bool is_second = false) {
  for (int32_t i = 0; i < args.count; ++i) {
    const MatmulItem& item = args.items[static_cast<size_t>(i)];
    if (item.weight.format->format != format) continue;
    items.weights[items.count] = to_device(item);
    items.weights[items.count++].in_second_format = is_second;
  }
}

struct Pair {
  Format first, second;
  void (*enqueue)(const Launch&, MatmulItems&);
};
constexpr Pair kPairs[] = {
    {Format::kQ4_K, Format::kQ6_K, enqueue_matmul_pair<UnpackQ4_K, UnpackQ6_K>},
    {Format::kQ5_K, Format::kQ6_K, enqueue_matmul_pair<UnpackQ5_K, UnpackQ6_K>},
};

/// Few tokens by weights in two formats that share a kernel. The larger ones begin, so that the small ones end.
bool enqueue_as_pair(const Launch& launch, const MatmulArgs& args) {
  MatmulItems items = items_of(launch, args);
  if (items.bucket > kVecTokens) return false;
  for (const Pair& pair : kPairs) {
    items.count = 0;
    add_weights(items, args, pair.second, true);
    const int32_t in_second = items.count;
    add_weights(items, args, pair.first);
    if (in_second == 0 || in_second == items.count || items.count != args.count) continue;
    pair.enqueue(launch, items);
    return true;
  }
  return false;
}

void enqueue_format(const Launch& launch, const MatmulArgs& args, const FormatRow& format) {
  MatmulItems items = items_of(launch, args);
  add_weights(items, args, format.format);
  switch (format.format) {
    case Format::kF32: {
      const Tensor& values = args.input.values;
      return enqueue_matmul_f32(launch, items, device_floats(values), values.stride);
    }
    case Format::kF16:
      return enqueue_matmul_halves<Format::kF16>(launch, items);
    case Format::kBF16:
      return enqueue_matmul_halves<Format::kBF16>(launch, items);
    default:
      break;
  }
  visit_unpacker(format.format, [&](auto unpacker) { enqueue_matmul_blocks<decltype(unpacker)>(launch, items); });
}

}  // namespace

void enqueue_matmul(const Launch& launch, const MatmulArgs& args) {
  for (int32_t i = 0; i < args.count; ++i) check_item(args, args.items[static_cast<size_t>(i)]);
  if (enqueue_as_pair(launch, args)) return;
  for (int32_t i = 0; i < args.count; ++i) {
    const MatmulItem& item = args.items[static_cast<size_t>(i)];
    const auto is_same = [&](const MatmulItem& other) { return other.weight.format == item.weight.format; };
    const bool first_of_its_format = std::none_of(args.items.begin(), args.items.begin() + i, is_same);
    if (first_of_its_format) enqueue_format(launch, args, *item.weight.format);
  }
}

size_t matmul_workspace_bytes(const DeviceFacts& /*device*/, const StepLimits& /*limits*/) { return 0; }

}  // namespace vivace::cuda
