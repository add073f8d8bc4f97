// Rows of the embedding table, decoded on the device: a thread decodes four columns.
#include <string>

#include "backends/cuda/formats/all.h"
#include "backends/cuda/kernels.h"
#include "backends/cuda/rows.h"
#include "base/error.h"

namespace vivace::cuda {
namespace {

struct EmbedParams {
  const uint8_t* table;
  int64_t row_bytes;
  int32_t rows;
  float scale;
  RowsView output;
  StepView step;
};

/// Decodes columns column.. + 3 of a row in a format of blocks, with the roundings of its scalar decoder.
template <class Unpacker>
struct DecodeBlocks {
  static VIVACE_DEVICE Quad decode(const uint8_t* row, int column) {
    const uint8_t* block = row + column / Unpacker::kBlockColumns * Unpacker::kBlockBytes;
    const int within = column % Unpacker::kBlockColumns;
    const uint32_t codes = static_cast<uint32_t>(Unpacker::codes(block, within / 32, within % 32 / 4));
    const Affine affine = Unpacker::affine(block, within / 32, within % 32 / 16);
    Quad quad;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float code = static_cast<float>(static_cast<int8_t>(codes >> (8 * i) & 255));
      quad.values[i] = add_rounded(multiply_rounded(affine.scale, code), affine.offset);
    }
    return quad;
  }
};

template <Format kFormat>
struct DecodeFloats {
  static VIVACE_DEVICE float one(const uint8_t* row, int column) {
    if constexpr (kFormat == Format::kF32) return reinterpret_cast<const float*>(row)[column];
    const uint16_t half = reinterpret_cast<const uint16_t*>(row)[column];
    return kFormat == Format::kF16 ? half_to_float(half) : bf16_to_float(half);
  }
  static VIVACE_DEVICE Quad decode_some(const uint8_t* row, int column, int columns) {
    Quad quad;
#pragma unroll
    for (int i = 0; i < 4; ++i) quad.values[i] = column + i < columns ? one(row, column + i) : 0.0f;
    return quad;
  }
};

template <class Decoder>
VIVACE_DEVICE Quad decode_quad(Decoder, const uint8_t* row, int column, int /*columns*/) {
  return Decoder::decode(row, column);
}
template <Format kFormat>
VIVACE_DEVICE Quad decode_quad(DecodeFloats<kFormat> decoder, const uint8_t* row, int column, int columns) {
  return decoder.decode_some(row, column, columns);
}

template <class Decoder>
VIVACE_KERNEL(kRowThreads)
embed_kernel(const VIVACE_GRID_CONSTANT EmbedParams params) {
  allow_next_kernel();
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.y), column = quad_column();
  if (row >= *params.step.tokens_count() || column >= params.output.columns) return;
  const int token = params.step.token_ids[row];
  // The engine checks ids; one outside must not read outside either.
  const int index = token >= 0 && token < params.rows ? token : 0;
  Quad quad = decode_quad(Decoder{}, params.table + index * params.row_bytes, column, params.output.columns);
#pragma unroll
  for (int i = 0; i < 4; ++i) quad.values[i] *= params.scale;
  store_quad(params.output, row, column, quad);
}

template <class Decoder>
void enqueue(const Launch& launch, const EmbedParams& params) {
  launch_kernel(launch, embed_kernel<Decoder>, quad_grid(params.output.columns, launch.tokens), kRowThreads, 0, params);
}

}  // namespace

void enqueue_embed(const Launch& launch, const EmbedArgs& args) {
  if (args.table.layout != Layout::kRows) throw Error(ErrorCode::kUnsupported, "CUDA: embeddings lie in rows");
  EmbedParams params{};
  params.table = device_weight(args.table);
  params.row_bytes = static_cast<int64_t>(row_bytes(*args.table.format, static_cast<size_t>(args.table.columns)));
  params.rows = static_cast<int32_t>(args.table.rows);
  params.scale = args.scale;
  params.output = rows_view(args.output);
  params.step = launch.step;
  switch (args.table.format->format) {
    case Format::kF32:
      return enqueue<DecodeFloats<Format::kF32>>(launch, params);
    case Format::kF16:
      return enqueue<DecodeFloats<Format::kF16>>(launch, params);
    case Format::kBF16:
      return enqueue<DecodeFloats<Format::kBF16>>(launch, params);
    default:
      break;
  }
  visit_unpacker(args.table.format->format,
                 [&](auto unpacker) { enqueue<DecodeBlocks<decltype(unpacker)>>(launch, params); });
}

}  // namespace vivace::cuda
