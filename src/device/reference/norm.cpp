// RMS norm (Zhang and Sennrich 2019) and layer norm (Ba et al. 2016) over segments of a row.
#include <cmath>

#include "device/reference/kernels.h"
#include "device/reference/memory.h"

namespace vivace::reference {
namespace {

/// Normalises input [n] to output [n], which may be the same; weight and bias [n] may be null.
void norm_segment(const NormArgs& args, const float* input, int32_t n, const float* weight, const float* bias,
                  float* output) {
  float mean = 0;
  if (args.kind == NormKind::kLayer) {
    for (int32_t i = 0; i < n; ++i) mean += input[i];
    mean /= float(n);
  }
  float squares = 0;
  for (int32_t i = 0; i < n; ++i) squares += (input[i] - mean) * (input[i] - mean);
  const float factor = 1.0f / std::sqrt(squares / float(n) + args.epsilon);
  for (int32_t i = 0; i < n; ++i) {
    float value = (input[i] - mean) * factor;
    if (weight != nullptr) value *= weight[i];
    if (bias != nullptr) value += bias[i];
    output[i] = value;
  }
}

}  // namespace

void norm(const StepInputs& step, const NormArgs& args) {
  expect(!args.prepared, "it has no prepared activations");
  if (!args.output) return;
  const int32_t count = row_count(step, args.rows), columns = args.output.columns;
  const int32_t segment = args.segment > 0 ? args.segment : columns;
  expect(columns % segment == 0, "segments don't divide the row");
  const float* weight = vector_data(args.weight, segment);
  const float* bias = vector_data(args.bias, segment);
  const Rows input = rows_of(args.input, count, columns), output = rows_of(args.output, count, columns);
  for (int32_t r = 0; r < count; ++r) {
    for (int32_t c = 0; c < columns; c += segment) {
      norm_segment(args, input[r] + c, segment, weight, bias, output[r] + c);
    }
  }
}

}  // namespace vivace::reference
