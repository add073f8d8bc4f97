// Every matmul kernel that a bucket may choose, run for itself over the emulator and compared with sums in double.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "backends/cuda/formats/all.h"
#include "backends/cuda/matmul_tile.h"
#include "backends/cuda/matmul_vec.h"
#include "backends/cuda/matmul_warpgroup.h"

namespace vivace::cuda {
namespace {

/// One weight, one input, and what the product should be.
class Product {
 public:
  Product(const FormatRow& format, int rows, int columns, int tokens, int bucket) : tokens_(tokens), random_(7) {
    std::vector<float> weights = normal(size_t(rows) * columns);
    const size_t blocks = weights.size() / format.block_columns;
    weight_.resize(blocks * format.block_bytes + kEndless);
    format.encode(weights.data(), weight_.data() + kMisaligned, blocks);
    format.decode(weight_.data() + kMisaligned, weights.data(), blocks);
    input_ = normal(size_t(tokens) * columns);
    bias_ = normal(rows);
    output_.assign(size_t(tokens) * rows, NAN);
    expect(weights, rows, columns);

    items_.weights[0] = {weight_.data() + kMisaligned,
                         bias_.data(),
                         output_.data(),
                         rows,
                         rows,
                         0,
                         int64_t(row_bytes(format, size_t(columns))),
                         false};
    items_.count = 1;
    items_.columns = columns;
    items_.tokens = &tokens_;
    items_.bucket = bucket;
    prepare(format, bucket);
  }

  MatmulItems& items(int rows_per_block) {
    items_.weights[0].end_block = int(blocks(rows_per_block));
    return items_;
  }
  unsigned blocks(int rows_per_block) const {
    return unsigned((items_.weights[0].rows + rows_per_block - 1) / rows_per_block);
  }

  /// Largest error, in units of the error's own bound.
  double error() const {
    double worst = 0;
    for (size_t i = 0; i < output_.size(); ++i) {
      const double off = std::fabs(output_[i] - expected_[i]) / bound_[i];
      worst = off <= worst ? worst : off;  // NaN counts
      if (!(off == off)) return INFINITY;
    }
    return worst;
  }
  const std::vector<float>& output() const { return output_; }

 private:
  static constexpr size_t kMisaligned = 16;  // weights begin where some 32-byte line has its middle
  static constexpr size_t kEndless = 32;

  std::vector<float> normal(size_t count) {
    std::normal_distribution<float> distribution(0, 1);
    std::vector<float> values(count);
    for (float& value : values) value = distribution(random_);
    return values;
  }

  void expect(const std::vector<float>& weights, int rows, int columns) {
    for (int t = 0; t < tokens_; ++t) {
      for (int r = 0; r < rows; ++r) {
        double sum = bias_[r], bound = 1e-5;
        for (int begin = 0; begin < columns; begin += 32) {
          double peak = 0, magnitude = 0;
          for (int c = begin; c < begin + 32; ++c) {
            const double w = weights[size_t(r) * columns + c], x = input_[size_t(t) * columns + c];
            sum += w * x;
            peak = std::max(peak, std::fabs(x));
            magnitude += std::fabs(w);
          }
          bound += 1.01 * peak / 254 * magnitude;  // half a step of int8; bf16 rounds less
        }
        expected_.push_back(sum);
        bound_.push_back(bound);
      }
    }
  }

  void prepare(const FormatRow& format, int bucket) {
    const PreparedKinds kinds = prepared_kind_of(format.format);
    prepared_.assign(prepared_form_bytes(kinds, items_.columns, bucket) / sizeof(float4) + 1,
                     make_float4(NAN, NAN, NAN, NAN));
    items_.input = prepared_view(reinterpret_cast<uint8_t*>(prepared_.data()), kinds, items_.columns, bucket);
    const PreparedView view = items_.input;
    const auto store = [&] {
      wait_for_previous_kernel();
      const int row = int(blockIdx.x);
      for (int base = 0; base < view.columns; base += 128) {
        const int column = base + 4 * int(threadIdx.x);
        float values[4];
        for (int i = 0; i < 4; ++i) {
          values[i] = column + i < items_.columns ? input_[size_t(row) * items_.columns + column + i] : 0;
        }
        store_prepared(view, row, column, values);
      }
    };
    ASSERT_EQ(run_grid(dim3(unsigned(tokens_)), dim3(32), 0, store), nullptr);
  }

  int32_t tokens_;
  std::mt19937 random_;
  std::vector<uint8_t> weight_;
  std::vector<float> input_, bias_, output_;
  std::vector<double> expected_, bound_;
  std::vector<float4> prepared_;
  MatmulItems items_{};
};

template <class Unpacker, int kRowTiles, int kTokens>
std::vector<float> run_vec(const FormatRow& format, int rows, int columns, int tokens, int bucket, int warps) {
  Product product(format, rows, columns, tokens, bucket);
  const MatmulItems items = product.items(16 * kRowTiles);
  const VecLayout<Unpacker, kRowTiles, kTokens> layout(bucket);
  const char* problem =
      run_grid(dim3(product.blocks(16 * kRowTiles)), dim3(unsigned(32 * warps)), size_t(layout.block_bytes(warps)),
               [&] { matmul_vec_kernel<Unpacker, kRowTiles, kTokens>(items); });
  EXPECT_EQ(problem, nullptr) << problem;
  EXPECT_LE(product.error(), 1) << format.name << ", " << rows << " rows, " << columns << " columns, " << tokens
                                << " tokens, " << warps << " warps";
  return product.output();
}

template <class Unpacker, int kRows, int kTokens>
void check_tile(const FormatRow& format, int rows, int columns, int tokens, int bucket) {
  using Source = BlockSource<Unpacker>;
  Product product(format, rows, columns, tokens, bucket);
  const MatmulItems items = product.items(kRows);
  const char* problem = run_grid(dim3(product.blocks(kRows), unsigned((bucket + kTokens - 1) / kTokens)),
                                 dim3(kTileThreads), size_t{TileLayout<Source, kRows, kTokens>::kBytes},
                                 [&] { matmul_tile_kernel<Source, kRows, kTokens>(items); });
  EXPECT_EQ(problem, nullptr) << problem;
  EXPECT_LE(product.error(), 1) << format.name << ", " << rows << " rows, " << columns << " columns, " << tokens
                                << " tokens, tiles of " << kRows << " x " << kTokens;
}

template <class Unpacker, int kTokens>
void check_warpgroup(const FormatRow& format, int rows, int columns, int tokens, int bucket) {
  using Source = BlockSource<Unpacker>;
  Product product(format, rows, columns, tokens, bucket);
  const MatmulItems items = product.items(kWarpgroupRows);
  const char* problem = run_grid(dim3(product.blocks(kWarpgroupRows), unsigned((bucket + kTokens - 1) / kTokens)),
                                 dim3(kTileThreads), size_t{WarpgroupLayout<Source, kTokens>::kBytes},
                                 [&] { matmul_warpgroup_kernel<Source, kTokens>(items); });
  EXPECT_EQ(problem, nullptr) << problem;
  EXPECT_LE(product.error(), 1) << format.name << ", " << rows << " rows, " << columns << " columns, " << tokens
                                << " tokens, " << kTokens << " in a tile";
}

/// Blocks of 256 columns with scales of 32 and 16, aligned or not, and small blocks with a partial chunk at the end.
template <class Check>
void for_some_formats(const Check& check) {
  check.template operator()<UnpackQ4_K>(2304);
  check.template operator()<UnpackQ6_K>(2304);
  check.template operator()<UnpackQ2_K>(512);
  check.template operator()<UnpackQ8_0>(2336);
  check.template operator()<UnpackMXFP4>(96);
}

TEST(MatmulKernels, FewTokens) {
  for_some_formats([]<class Unpacker>(int columns) {
    const FormatRow& format = format_row(Unpacker::kFormat);
    const std::vector<float> eight = run_vec<Unpacker, 1, 1>(format, 37, columns, 1, 1, 8);
    for (int warps : {1, 4}) EXPECT_EQ((run_vec<Unpacker, 1, 1>(format, 37, columns, 1, 1, warps)), eight);
    for (int tokens : {2, 3, 7}) {
      run_vec<Unpacker, 1, 8>(format, 37, columns, tokens, tokens == 3 ? 4 : tokens == 7 ? 8 : 2, 4);
    }
    run_vec<Unpacker, 2, 16>(format, 37, columns, 13, 16, 4);
    run_vec<Unpacker, 2, 32>(format, 37, columns, 29, 32, 2);
  });
}

TEST(MatmulKernels, Tiles) {
  for_some_formats([]<class Unpacker>(int columns) {
    const FormatRow& format = format_row(Unpacker::kFormat);
    check_tile<Unpacker, 64, 64>(format, 70, columns, 65, 128);
    check_tile<Unpacker, 128, 128>(format, 131, columns, 129, 256);
  });
}

TEST(MatmulKernels, WarpgroupTiles) {
  for_some_formats([]<class Unpacker>(int columns) {
    const FormatRow& format = format_row(Unpacker::kFormat);
    check_warpgroup<Unpacker, 128>(format, 131, columns, 129, 256);
    check_warpgroup<Unpacker, 256>(format, 131, columns, 257, 512);
  });
}

}  // namespace
}  // namespace vivace::cuda
