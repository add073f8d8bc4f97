// Operations: matrix products in double, attention against the reference device.
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "device/reference/reference_device.h"
#include "gpu_check/checks.h"
#include "gpu_check/op_samples.h"

namespace vivace::gpu_check {
namespace {

Values matmul(OpRig& rig, const Weight& weight, const Values& input) {
  const int32_t columns = int32_t(weight.columns), tokens = int32_t(input.size()) / columns;
  const Tensor x = rig.tensor(input, columns), y = rig.tensor(tokens, int32_t(weight.rows));
  const Prepared prepared = rig.prepared({weight}, tokens);
  rig.set_tokens(tokens);
  rig.step([&](Ops& ops) {
    if (prepared) ops.prepare({RowSet::kTokens, x, prepared});
    MatmulArgs args;
    args.input = {x, prepared};
    args.items[0] = {weight, {}, y};
    args.count = 1;
    ops.matmul(args);
  });
  return rig.values(y, tokens);
}

void check_product(Section& section, const SampleWeight& sample, bool prepared, const Values& input,
                   const Values& output, const std::string& what) {
  const int32_t k = int32_t(sample.columns);
  double worst = 0;
  for (size_t t = 0; t < input.size() / size_t(k); ++t) {
    for (int64_t r = 0; r < sample.rows; ++r) {
      const float *w = &sample.values[size_t(r * k)], *x = &input[t * size_t(k)];
      double expected = 0;
      for (int32_t c = 0; c < k; ++c) expected += double(w[c]) * x[c];
      const double bound = matmul_bound(*sample.format, prepared, w, x, k) + 1e-6 * std::fabs(expected);
      const double error = std::fabs(output[t * size_t(sample.rows) + size_t(r)] - expected) / bound;
      if (!(error <= worst)) worst = error;  // NaN too
    }
  }
  section.expect(worst <= 1, what + ": " + std::to_string(worst) + " times the bound");
}

void check_format(OpRig& rig, const FormatRow& format, Section& section, Random& random) {
  for (const auto& [columns, rows] : {std::pair{int32_t(format.block_columns), 37}, std::pair{768, 389}}) {
    const SampleWeight sample = sample_weight(format, rows, columns, random);
    const Weight weight = rig.weight(format, Layout::kRows, rows, columns, sample.bytes);
    const bool prepared = rig.device().prepared_kinds(weight) != 0;
    for (int32_t tokens : {1, 2, 3, 5, 8, 9, 16, 17, 33, 64, 100, 200}) {
      if (columns != 768 && tokens > 17) continue;
      const Values input = sample_inputs(tokens, columns, random);
      const std::string what =
          std::string(format.name) + ", " + std::to_string(columns) + " columns, " + std::to_string(tokens) + " tokens";
      const Values output = matmul(rig, weight, input);
      check_product(section, sample, prepared, input, output, what);
      section.expect(matmul(rig, weight, input) == output, what + ": other bits the second time");
    }
  }
}

void check_embedding(OpRig& rig, const FormatRow& format, Section& section, Random& random) {
  constexpr int32_t kColumns = 768, kRows = 50, kTokens = 7;
  const SampleWeight sample = sample_weight(format, kRows, kColumns, random);
  const Weight table = rig.weight(format, Layout::kRows, kRows, kColumns, sample.bytes);
  const Tensor y = rig.tensor(kTokens, kColumns);
  rig.set_tokens(kTokens);
  for (int32_t t = 0; t < kTokens; ++t) rig.inputs().token_ids()[t] = random.below(kRows);
  rig.step([&](Ops& ops) { ops.embed({table, y, 1}); });
  const Values values = rig.values(y, kTokens);
  bool equal = true;
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t row = size_t(rig.inputs().token_ids()[i / kColumns]);
    equal = equal && values[i] == sample.values[row * kColumns + i % kColumns];
  }
  section.expect(equal, std::string(format.name) + ": embedding rows differ");
}

/// Keys, values and queries of a sequence, written and attended on one device.
struct AttentionRun {
  Format format = Format::kF16;
  int32_t heads = 4, kv_heads = 2, dim = 64, window = 0;
  int32_t tokens = 0, depth = 0;  // of the last step; before it
  float cap = 0;
};

Values attend(Device& device, const AttentionRun& run, uint64_t seed) {
  Random random(seed);
  const int32_t total = run.depth + run.tokens, pages = (total + kPageTokens - 1) / kPageTokens;
  OpRig rig(device, {.tokens = 256, .sequences = 1, .outputs = 1, .kv_groups = 1, .pages = pages});
  const FormatRow& format = format_row(run.format);
  const size_t bytes = size_t(run.kv_heads) * kPageTokens * row_bytes(format, size_t(run.dim));
  KvSlabs slabs;
  slabs.pages_per_slab = pages;
  slabs.page_bytes = 2 * bytes;
  slabs.slabs = {rig.buffer(size_t(pages) * slabs.page_bytes, BufferUse::kKv)};
  const KvLayer layer{&slabs, 0, 0, bytes, &format, run.kv_heads, run.dim, run.dim};
  for (int32_t p = 0; p < pages; ++p) rig.inputs().page_table(0, 0)[p] = pages - 1 - p;
  const size_t kv_width = size_t(run.kv_heads) * run.dim, width = size_t(run.heads) * run.dim;
  const Values keys = random.normal(size_t(total) * kv_width), values = random.normal(size_t(total) * kv_width);
  const Values queries = random.normal(size_t(run.tokens) * width);
  Values output;
  for (int32_t begin = 0; begin < total;) {
    const int32_t end = begin < run.depth ? std::min(run.depth, begin + 256) : total;
    const Tensor k = rig.tensor(slice_rows(keys, kv_width, size_t(begin), size_t(end)), int32_t(kv_width));
    const Tensor v = rig.tensor(slice_rows(values, kv_width, size_t(begin), size_t(end)), int32_t(kv_width));
    rig.set_tokens(end - begin);
    for (int32_t t = begin; t < end; ++t) rig.inputs().positions()[t - begin] = t;
    const bool last = end == total;
    const Tensor q = last ? rig.tensor(queries, int32_t(width)) : Tensor{};
    const Tensor y = last ? rig.tensor(run.tokens, int32_t(width)) : Tensor{};
    rig.step([&](Ops& ops) {
      ops.kv_write({k, v, layer});
      if (!last) return;
      AttentionArgs args;
      args.queries = q;
      args.output = y;
      args.kv = layer;
      args.heads = run.heads;
      args.scale = 1 / std::sqrt(float(run.dim));
      args.window = run.window;
      args.score_cap = run.cap;
      ops.attention(args);
    });
    if (last) output = rig.values(y, run.tokens);
    begin = end;
  }
  return output;
}

void check_attention_run(Device& device, Device& reference, const AttentionRun& run, Section& section) {
  const std::string what = std::string(format_row(run.format).name) + " cache, " + std::to_string(run.heads) + "/" +
                           std::to_string(run.kv_heads) + " heads of " + std::to_string(run.dim) + ", window " +
                           std::to_string(run.window) + ", " + std::to_string(run.tokens) + " tokens at " +
                           std::to_string(run.depth);
  const Values expected = attend(reference, run, 9), actual = attend(device, run, 9);
  double worst = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double error = std::fabs(double(actual[i]) - expected[i]);
    if (!(error <= worst)) worst = error;
  }
  // Values are near 1: f16 products and probabilities, int8 steps of a 127th.
  section.expect(worst <= (run.format == Format::kF32 ? 1e-3 : 2e-2), what + ": off by " + std::to_string(worst));
  section.expect(attend(device, run, 9) == actual, what + ": other bits the second time");
}

}  // namespace

void check_matmul(const Setup& setup, Section& section) {
  const std::unique_ptr<Device> device = setup.open();
  Random random(1);
  for (const FormatRow& format : formats()) {
    if (!find_kernel(device->info(), KernelOp::kMatmul, format.format, Layout::kRows)) {
      section.skip(std::string(format.name) + ": no kernel");
      continue;
    }
    OpRig rig(*device);
    check_format(rig, format, section, random);
    check_embedding(rig, format, section, random);
  }
}

void check_attention(const Setup& setup, Section& section) {
  const std::unique_ptr<Device> device = setup.open(), reference = make_reference_device();
  for (Format format : {Format::kF32, Format::kF16, Format::kQ8_0, Format::kQ4_0}) {
    for (const auto& [heads, kv_heads] : {std::pair{4, 4}, std::pair{6, 2}, std::pair{8, 1}}) {
      for (int32_t dim : {64, 128, 256}) {
        for (const auto& [tokens, depth] :
             {std::pair{1, 0}, std::pair{1, 700}, std::pair{5, 40}, std::pair{70, 0}, std::pair{33, 300}}) {
          for (int32_t window : {0, 100}) {
            check_attention_run(*device, *reference, {format, heads, kv_heads, dim, window, tokens, depth, 0}, section);
          }
        }
      }
    }
    check_attention_run(*device, *reference, {format, 4, 2, 96, 0, 40, 10, 30}, section);
  }
}

}  // namespace vivace::gpu_check
