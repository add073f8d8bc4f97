// Operations without a sum over columns: embed, add, scale, glu, rope, gather, copy.
#include <algorithm>
#include <cmath>

#include "device/reference/kernels.h"
#include "device/reference/memory.h"

namespace vivace::reference {
namespace {

float gate(GluKind kind, float x) {
  switch (kind) {
    case GluKind::kSilu:
      return x / (1.0f + std::exp(-x));
    case GluKind::kGeluTanh: {
      constexpr float kSqrt2OverPi = 0.79788456080286535588f;
      return 0.5f * x * (1.0f + std::tanh(kSqrt2OverPi * x * (1.0f + 0.044715f * x * x)));
    }
    case GluKind::kGeluErf:
      return 0.5f * x * (1.0f + std::erf(x * 0.70710678118654752440f));
    case GluKind::kRelu:
      return std::max(x, 0.0f);
  }
  throw Error(ErrorCode::kInternal, "unknown GLU kind");
}

}  // namespace

void embed(const StepInputs& step, const EmbedArgs& args) {
  const int64_t columns = args.table.columns;
  const uint8_t* table = weight_data(args.table);
  const Rows output = rows_of(args.output, step.tokens(), columns);
  for (int32_t t = 0; t < step.tokens(); ++t) {
    const int32_t id = step.token_ids()[t];
    if (id < 0 || id >= args.table.rows) {
      throw Error(ErrorCode::kInvalidArgument, "token id " + std::to_string(id) + " is outside the vocabulary of " +
                                                   std::to_string(args.table.rows));
    }
    decode_weight_row(*args.table.format, args.table.layout, table, id, columns, output[t]);
    for (int64_t c = 0; c < columns; ++c) output[t][c] *= args.scale;
  }
}

void add(const StepInputs& step, const AddArgs& args) {
  const int32_t count = row_count(step, args.rows), columns = args.output.columns;
  const Rows a = rows_of(args.a, count, columns), b = rows_of(args.b, count, columns);
  const Rows output = rows_of(args.output, count, columns);
  for (int32_t r = 0; r < count; ++r) {
    for (int32_t c = 0; c < columns; ++c) output[r][c] = a[r][c] + b[r][c] * args.b_scale;
  }
}

void scale(const StepInputs& step, const ScaleArgs& args) {
  const int32_t count = row_count(step, args.rows), columns = args.output.columns;
  const Rows input = rows_of(args.input, count, columns), output = rows_of(args.output, count, columns);
  for (int32_t r = 0; r < count; ++r) {
    for (int32_t c = 0; c < columns; ++c) {
      const float value = input[r][c] * args.factor;
      output[r][c] = args.cap > 0 ? args.cap * std::tanh(value / args.cap) : value;
    }
  }
}

void glu(const StepInputs& step, const GluArgs& args) {
  expect(!args.prepared, "it has no prepared activations");
  if (!args.output) return;
  const int32_t count = row_count(step, args.rows), columns = args.output.columns;
  const Rows input = rows_of(args.gate, count, columns), output = rows_of(args.output, count, columns);
  const Rows up = args.up ? rows_of(args.up, count, columns) : Rows{};
  for (int32_t r = 0; r < count; ++r) {
    for (int32_t c = 0; c < columns; ++c) {
      const float value = gate(args.kind, input[r][c]);
      output[r][c] = args.up ? value * up[r][c] : value;
    }
  }
}

void rope_table(const StepInputs& step, const RopeTableArgs& args) {
  const int32_t pairs = args.table.columns / 2;
  const float* frequencies = vector_data(args.frequencies, pairs);
  expect(frequencies != nullptr && pairs * 2 == args.table.columns, "a rope table needs a frequency for each pair");
  const Rows table = rows_of(args.table, step.tokens(), args.table.columns);
  for (int32_t t = 0; t < step.tokens(); ++t) {
    for (int32_t i = 0; i < pairs; ++i) {
      // The angle is rounded to f32 as in the frameworks that trained the models.
      const double angle = float(step.positions()[t]) * frequencies[i];
      table[t][2 * i] = args.magnitude * float(std::cos(angle));
      table[t][2 * i + 1] = args.magnitude * float(std::sin(angle));
    }
  }
}

void rope(const StepInputs& step, const RopeArgs& args) {
  const int32_t half = args.rotary_dim / 2;
  expect(half * 2 == args.rotary_dim && args.rotary_dim <= args.head_dim, "rotary_dim doesn't fit the head");
  const Rows x = rows_of(args.x, step.tokens(), int64_t{args.heads} * args.head_dim);
  const Rows table = rows_of(args.table, step.tokens(), args.rotary_dim);
  const bool neighbours = args.pairs == RopePairs::kNeighbours;
  for (int32_t t = 0; t < step.tokens(); ++t) {
    for (int32_t h = 0; h < args.heads; ++h) {
      float* head = x[t] + int64_t{h} * args.head_dim;
      for (int32_t i = 0; i < half; ++i) {
        float& first = head[neighbours ? 2 * i : i];
        float& second = head[neighbours ? 2 * i + 1 : i + half];
        const float cosine = table[t][2 * i], sine = table[t][2 * i + 1];
        const float a = first, b = second;
        first = a * cosine - b * sine;
        second = a * sine + b * cosine;
      }
    }
  }
}

void gather(const StepInputs& step, const GatherArgs& args) {
  const int32_t columns = args.output.columns;
  const Rows input = rows_of(args.input, step.tokens(), columns);
  const Rows output = rows_of(args.output, step.outputs(), columns);
  for (int32_t o = 0; o < step.outputs(); ++o) {
    const int32_t row = step.output_rows()[o];
    expect(row >= 0 && row < step.tokens(), "an output row is outside the step");
    std::copy_n(input[row], columns, output[o]);
  }
}

void copy(const StepInputs& step, const CopyArgs& args) {
  const int32_t count = row_count(step, args.rows), columns = args.output.columns;
  const Rows input = rows_of(args.input, count, columns), output = rows_of(args.output, count, columns);
  for (int32_t r = 0; r < count; ++r) std::copy_n(input[r], columns, output[r]);
}

}  // namespace vivace::reference
