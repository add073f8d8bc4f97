// output = input * weight^T: each output is one sum over ascending columns of decoded weights.
#include <vector>

#include "device/reference/kernels.h"
#include "device/reference/memory.h"

namespace vivace::reference {
namespace {

/// Dot products of one weight row [k] with `kTokens` inputs, given as columns [k, kTokens]. Tokens side by side only
/// hide latency: the order of each sum is the same for any kTokens.
template <int kTokens>
void dot_tokens(const float* weight, const float* columns, int64_t k, float* sums) {
  float local[kTokens] = {};
  for (int64_t i = 0; i < k; ++i) {
    for (int t = 0; t < kTokens; ++t) local[t] += weight[i] * columns[i * kTokens + t];
  }
  for (int t = 0; t < kTokens; ++t) sums[t] = local[t];
}

void matmul_item(const StepInputs& step, const MatmulArgs& args, const MatmulItem& item) {
  constexpr int kBlock = 16;
  const int32_t count = row_count(step, args.rows);
  const int64_t n = item.weight.rows, k = item.weight.columns;
  const uint8_t* weight = weight_data(item.weight);
  const float* bias = vector_data(item.bias, n);
  const Rows input = rows_of(args.input.values, count, k), output = rows_of(item.output, count, n);
  const int32_t lanes = count == 1 ? 1 : kBlock;
  const int32_t blocks = (count + lanes - 1) / lanes;
  std::vector<float> columns(size_t(blocks) * lanes * k);  // [blocks, k, lanes], absent tokens zero
  for (int32_t t = 0; t < count; ++t) {
    float* lane = columns.data() + int64_t{t / lanes} * k * lanes + t % lanes;
    for (int64_t i = 0; i < k; ++i) lane[i * lanes] = input[t][i];
  }
  std::vector<float> row(k);
  for (int64_t r = 0; r < n; ++r) {
    decode_weight_row(*item.weight.format, item.weight.layout, weight, r, k, row.data());
    for (int32_t b = 0; b < blocks; ++b) {
      float sums[kBlock];
      const auto dot = lanes == 1 ? dot_tokens<1> : dot_tokens<kBlock>;
      dot(row.data(), columns.data() + int64_t{b} * k * lanes, k, sums);
      for (int32_t t = b * lanes; t < count && t < (b + 1) * lanes; ++t) {
        output[t][r] = bias != nullptr ? sums[t - b * lanes] + bias[r] : sums[t - b * lanes];
      }
    }
  }
}

}  // namespace

void matmul(const StepInputs& step, const MatmulArgs& args) {
  expect(args.count >= 0 && args.count <= int32_t(args.items.size()), "too many weights in one matmul");
  for (int32_t i = 0; i < args.count; ++i) matmul_item(step, args, args.items[i]);
}

}  // namespace vivace::reference
