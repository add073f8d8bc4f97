// Speed of the matmul kernels on the first GPU: gigabytes of weights and multiply-adds a second for formats, shapes and
// numbers of tokens, each compared with sums in double at some places. Prints a line for each; exits 1 where one is
// off.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "backends/cuda/cuda_device.h"
#include "base/error.h"

namespace vivace {
namespace {

constexpr int32_t kMostTokens = 4096;
constexpr size_t kWorkingSet = size_t{600} << 20;  // well beyond any cache
constexpr int kRuns = 5;

struct Case {
  Format format;
  int32_t rows, columns;
};

class MatmulBench {
 public:
  MatmulBench(Device& device, const Case& shape)
      : device_(device),
        shape_(shape),
        format_(format_row(shape.format)),
        inputs_(limits()),
        stream_(device.create_stream(inputs_)) {
    make_weight();
    std::normal_distribution<float> normal(0, 1);
    std::mt19937 random(2);
    values_.resize(size_t(kMostTokens) * shape.columns);
    for (float& value : values_) value = normal(random);
    input_ = tensor(shape.columns);
    input_.buffer->write(0, {reinterpret_cast<const uint8_t*>(values_.data()), values_.size() * sizeof(float)});
    output_ = tensor(shape.rows);
    prepared_.kinds = device.prepared_kinds(weights_[0]);
    prepared_.columns = shape.columns;
    if (prepared_.kinds != 0) {
      prepared_.buffer = allocate(device.prepared_bytes(prepared_.kinds, shape.columns, kMostTokens));
    }
  }

  /// Whether the product is right.
  bool run(int32_t tokens) {
    inputs_.tokens() = tokens;
    inputs_.outputs() = 1;
    double best = INFINITY;
    for (int run = 0; run < kRuns; ++run) {
      const auto begin = std::chrono::steady_clock::now();
      if (!stream_->begin(1)) enqueue();
      stream_->sync();
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
      if (run > 0) best = std::min(best, seconds.count());
    }
    const double each = best / double(weights_.size());
    const double error = largest_error(tokens);
    std::printf("%-6s %6d x %5d, %4d tokens: %8.2f us, %7.1f GB/s, %6.1f TFLOP/s, error %.4f%s\n", format_.name,
                shape_.rows, shape_.columns, tokens, each * 1e6, double(weights_[0].bytes()) / each / 1e9,
                2.0 * shape_.rows * shape_.columns * tokens / each / 1e12, error, error < 0.02 ? "" : "  WRONG");
    std::fflush(stdout);
    return error < 0.02;
  }

 private:
  static StepLimits limits() {
    StepLimits limits;
    limits.tokens = kMostTokens;
    return limits;
  }

  Buffer* allocate(size_t bytes) {
    buffers_.push_back(device_.allocate(bytes, BufferUse::kActivations));
    return buffers_.back().get();
  }
  Tensor tensor(int32_t columns) {
    return {allocate(size_t(kMostTokens) * columns * sizeof(float)), 0, columns, columns};
  }

  /// One weight of repeated blocks, and copies of it that no cache holds at once.
  void make_weight() {
    std::normal_distribution<float> normal(0, 0.05f);
    std::mt19937 random(1);
    constexpr size_t kDistinct = 997;  // blocks
    std::vector<float> values(kDistinct * format_.block_columns);
    for (float& value : values) value = normal(random);
    std::vector<uint8_t> blocks(kDistinct * format_.block_bytes);
    format_.encode(values.data(), blocks.data(), kDistinct);
    const size_t bytes = row_bytes(format_, size_t(shape_.columns)) * size_t(shape_.rows);
    bytes_.resize(bytes);
    for (size_t i = 0; i < bytes; i += blocks.size()) {
      std::memcpy(&bytes_[i], blocks.data(), std::min(blocks.size(), bytes - i));
    }
    for (size_t made = 0; made < kWorkingSet; made += bytes) {
      Weight weight{&format_, Layout::kRows, nullptr, 0, shape_.rows, shape_.columns};
      buffers_.push_back(device_.allocate(bytes, BufferUse::kWeights));
      weight.buffer = buffers_.back().get();
      weight.buffer->write(0, bytes_);
      weights_.push_back(weight);
    }
  }

  void enqueue() {
    if (prepared_) stream_->prepare({RowSet::kTokens, input_, prepared_});
    for (const Weight& weight : weights_) {
      MatmulArgs args;
      args.input = {input_, prepared_};
      args.items[0] = {weight, {}, output_};
      args.count = 1;
      stream_->matmul(args);
    }
  }

  /// Root mean square of the errors over that of the products, at some rows and tokens.
  double largest_error(int32_t tokens) const {
    double errors = 0, products = 0;
    std::vector<float> row(size_t(shape_.columns)), output(size_t(shape_.rows));
    for (int32_t t = 0; t < tokens; t += std::max(1, tokens / 7)) {
      output_.buffer->read(size_t(t) * shape_.rows * sizeof(float),
                           {reinterpret_cast<uint8_t*>(output.data()), output.size() * sizeof(float)});
      for (int32_t r = 0; r < shape_.rows; r += 97) {
        const size_t bytes = row_bytes(format_, size_t(shape_.columns));
        format_.decode(&bytes_[size_t(r) * bytes], row.data(), size_t(shape_.columns) / format_.block_columns);
        double sum = 0;
        for (int32_t c = 0; c < shape_.columns; ++c) sum += double(row[c]) * values_[size_t(t) * shape_.columns + c];
        errors += (sum - output[r]) * (sum - output[r]);
        products += sum * sum;
      }
    }
    const double error = std::sqrt(errors / products);
    return error == error ? error : INFINITY;
  }

  Device& device_;
  const Case shape_;
  const FormatRow& format_;
  StepInputs inputs_;
  std::unique_ptr<Stream> stream_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::vector<Weight> weights_;
  std::vector<uint8_t> bytes_;
  std::vector<float> values_;
  Tensor input_, output_;
  Prepared prepared_;
};

int run_all() {
  if (cuda::count_devices() == 0) {
    std::puts("did not run: no GPU");
    return 0;
  }
  const std::unique_ptr<Device> device = cuda::make_cuda_device({});
  std::printf("%s, %s\n", device->info().name.c_str(), device->info().isa.c_str());
  bool right = true;
  const Case cases[] = {{Format::kQ4_K, 4096, 4096},  {Format::kQ4_K, 22016, 4096}, {Format::kQ4_K, 4096, 11008},
                        {Format::kQ6_K, 4096, 11008}, {Format::kQ6_K, 32000, 4096}, {Format::kQ8_0, 4096, 4096},
                        {Format::kQ4_0, 22016, 4096}, {Format::kBF16, 4096, 4096}};
  for (const Case& shape : cases) {
    MatmulBench bench(*device, shape);
    for (int32_t tokens : {1, 4, 8, 16, 32, 64, 128, 512, 2048, 4096}) right &= bench.run(tokens);
  }
  return right ? 0 : 1;
}

}  // namespace
}  // namespace vivace

int main() {
  try {
    return vivace::run_all();
  } catch (const vivace::Error& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}
