#include "tune/measure_speed.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "backends/registry.h"
#include "base/error.h"
#include "bench/speed_runs.h"
#include "engine/model_source.h"
#include "models/model_file.h"
#include "plan/cost/predict.h"
#include "tune/kernel_rig.h"
#include "tune/probe_model.h"

namespace vivace {
namespace {

constexpr size_t kMebibyte = size_t{1} << 20;
constexpr int32_t kColumns = int32_t(kMeasuredColumns), kNarrow = 512;

/// Measures the CPU part by part.
class CpuMeasurement {
 public:
  explicit CpuMeasurement(const MeasureOptions& options) : options_(options), pool_(std::max(1, options.threads)) {
    device_options_.isa = options.isa;
    device_options_.threads = pool_.size();
    device_options_.memory_usable = options.memory;
    device_ = open_device("cpu", device_options_, pool_);
    large_ = std::clamp<size_t>(options.memory / 4, 64 * kMebibyte, 1024 * kMebibyte);
    total_ = formats().size() + 4;
  }

  DeviceSpeed run() {
    speed_.device = device_->info().id;
    speed_.measured = true;
    speed_.threads = pool_.size();
    streams();
    part_done();
    threads();
    part_done();
    matmuls();
    attention();
    part_done();
    rest();
    part_done();
    return speed_;
  }

 private:
  void part_done() {
    if (options_.progress && !options_.progress(++done_, total_)) {
      throw Error(ErrorCode::kCancelled, "the measurement was interrupted");
    }
  }

  /// Reads what fits into caches and what doesn't.
  void streams() {
    for (size_t mebibytes : {8, 32, 64, 128, 256, 512, 1024}) {
      const size_t bytes = mebibytes * kMebibyte;
      if (bytes > large_) break;
      speed_.streams.push_back({double(bytes), measure_cpu_stream(device_options_, pool_, bytes)});
    }
    speed_.bytes_per_second = speed_.streams.back().bytes_per_second;
  }

  void threads() {
    for (int32_t count = 1;; count = std::min(count * 2, options_.cores)) {
      ThreadPool pool(count);
      speed_.thread_points.push_back(
          {count, measure_cpu_stream(device_options_, pool, large_ / 4), measure_cpu_int8(device_options_, pool)});
      if (count >= options_.cores) break;
    }
  }

  void matmuls() {
    KernelRig rig(*device_);
    Buffer& weights = rig.buffer(large_, BufferUse::kWeights);
    Buffer& activations = rig.buffer(size_t{KernelRig::kMostTokens} * (kColumns + kOutputColumns) * sizeof(float),
                                     BufferUse::kActivations);
    for (const FormatRow& format : formats()) {
      speed_.formats.push_back(matmul_speed(rig, weights, activations, format));
      part_done();
    }
  }

  FormatSpeed matmul_speed(KernelRig& rig, Buffer& weights, Buffer& activations, const FormatRow& format) {
    FormatSpeed speed;
    speed.format = format.format;
    speed.layout = device_->preferred_layout(KernelOp::kMatmul, format.format, kPanelRows, kColumns);
    Buffer* prepared = nullptr;
    const KernelRow* row = find_kernel(device_->info(), KernelOp::kMatmul, format.format, speed.layout);
    // A format without a kernel of its own is slow at any batch: two points tell as much.
    const bool native = row != nullptr && row->native;
    for (int32_t tokens : {1, 2, 4, 16, 64, 512}) {
      if (!native && tokens != 1 && tokens != 512) continue;
      MatmulPoint point;
      point.tokens = tokens;
      const Product product{rig, weights, activations, prepared, format, speed.layout, native, tokens};
      const MatmulPoint fewer = speed.points.empty() ? MatmulPoint{} : speed.points.back();
      point.from_cache = undisturbed(fewer.from_cache, [&] { return rate(product, cached_bytes(product), false); });
      // From so many tokens on, computing takes longer than reading.
      const size_t read = std::max<size_t>(large_ / (native || tokens > 1 ? 32 : 64), size_t{1} << 20);
      point.from_memory = point.from_cache;
      if (native ? tokens <= 16 : tokens == 1) {
        point.from_memory = undisturbed(fewer.from_memory, [&] { return rate(product, read, true); });
      }
      // Of few tokens it is less than what two measurements differ by; of many it is much the same.
      if (native && tokens == 64) point.row_seconds = row_seconds(product, point);
      if (native && tokens > 64) point.row_seconds = speed.points.back().row_seconds;
      speed.points.push_back(point);
    }
    return speed;
  }

  /// More tokens don't compute much slower than fewer: where it looks so, the machine was busy, and it is measured
  /// again.
  template <class Measure>
  static double undisturbed(double with_fewer_tokens, const Measure& measure) {
    double best = measure();
    for (int i = 0; i < 3 && best < 0.9 * with_fewer_tokens; ++i) best = std::max(best, measure());
    return best;
  }

  struct Product {
    KernelRig& rig;
    Buffer& weights;
    Buffer& activations;
    Buffer*& prepared;
    const FormatRow& format;
    Layout layout;
    bool native;
    int32_t tokens;
    int32_t columns = kColumns;
  };

  /// What stays in the second-level caches; for long prompts fewer rows, of which each takes long enough.
  size_t cached_bytes(const Product& p) const {
    const size_t all = size_t(pool_.size()) * kCachedBytes;
    if (p.tokens <= 16) return all;
    const size_t row = weight_bytes(p.format, p.layout, kPanelRows, p.columns) / kPanelRows;
    return std::min(all, row * (p.native ? 512 : 64) * size_t(pool_.size()));
  }

  /// Multiply-adds per second over `bytes` of weights, each run over others where they shall come from memory.
  double rate(const Product& p, size_t bytes, bool from_memory) {
    const size_t panel = weight_bytes(p.format, p.layout, kPanelRows, p.columns);
    const int64_t rows = std::clamp<int64_t>(int64_t(bytes / panel), 1, kOutputColumns / kPanelRows) * kPanelRows;
    Weight weight{&p.format, p.layout, &p.weights, 0, rows, p.columns};
    const size_t each = (weight.bytes() + kWeightBorder - 1) / kWeightBorder * kWeightBorder;
    const size_t count = std::max<size_t>(1, bytes / each);
    const Tensor input{&p.activations, 0, p.columns, p.columns};
    const Tensor output{&p.activations, size_t(p.tokens) * kColumns * sizeof(float), int32_t(rows), int32_t(rows)};
    MatmulArgs args;
    args.input.values = input;
    args.input.prepared = prepare(p, weight);
    args.count = 1;
    p.rig.set_step(p.tokens);
    // The key changes with each call: only so may the calls read other weights.
    const size_t repeats = from_memory ? 1 : repeats_of(p, args, weight, output);
    const auto calls = [&](Ops& ops) {
      if (args.input.prepared) ops.prepare({RowSet::kTokens, input, args.input.prepared});
      for (size_t i = 0; i < count * repeats; ++i) {
        weight.offset = from_memory ? (cursor_ % (p.weights.size() / each)) * each : (i % count) * each;
        if (from_memory) ++cursor_;
        args.items[0] = {weight, {}, output};
        ops.matmul(args);
      }
    };
    const double macs = double(rows) * p.columns * double(count * repeats) * p.tokens;
    if (!from_memory) return macs / p.rig.median_seconds(calls, kCachedSeconds);
    std::vector<double> times;  // a recorded step would read the same weights again
    for (int i = 0; i < 5; ++i) times.push_back(p.rig.first_seconds(calls));
    std::sort(times.begin(), times.end());
    return macs / times[2];
  }

  /// By what rows of kNarrow columns take longer than their share of the measured ones.
  double row_seconds(Product product, const MatmulPoint& measured) {
    product.columns = kNarrow;
    const double narrow = kNarrow / rate(product, cached_bytes(product), false), share = kNarrow / measured.from_cache;
    return std::max(0.0, narrow - share) / (1 - double(kNarrow) / kColumns);
  }

  /// So that a run takes a millisecond at least.
  size_t repeats_of(const Product& p, MatmulArgs args, const Weight& weight, const Tensor& output) {
    args.items[0] = {weight, {}, output};
    const double once = p.rig.median_seconds(
        [&](Ops& ops) {
          if (args.input.prepared) ops.prepare({RowSet::kTokens, args.input.values, args.input.prepared});
          ops.matmul(args);
        },
        0, 2);
    return size_t(std::clamp(1e-3 / once, 1.0, 1000.0));
  }

  Prepared prepare(const Product& p, const Weight& weight) {
    const PreparedKinds kinds = device_->prepared_kinds(weight);
    if (kinds == 0) return {};
    const size_t bytes = device_->prepared_bytes(kinds, kColumns, KernelRig::kMostTokens);
    if (p.prepared == nullptr) p.prepared = &p.rig.buffer(bytes, BufferUse::kActivations);
    return {p.prepared, 0, kinds, p.columns};
  }

  /// A KV cache of `layers` layers, read one after the other.
  struct KvRig {
    KvSlabs slabs;
    std::vector<KvLayer> layers;
  };

  static constexpr int32_t kKvHeads = 8, kKvDim = 128;

  KvRig make_kv(KernelRig& rig, Format format, int32_t layers, int32_t positions) {
    KvRig kv;
    const FormatRow& row = format_row(format);
    const size_t half = size_t{kKvHeads} * kPageTokens * row_bytes(row, kKvDim);
    const int32_t pages = positions / kPageTokens;
    kv.slabs.page_bytes = 2 * half * size_t(layers);
    kv.slabs.pages_per_slab = pages;
    kv.slabs.slabs = {&rig.buffer(kv.slabs.page_bytes * size_t(pages), BufferUse::kKv)};
    for (int32_t i = 0; i < layers; ++i) {
      KvLayer layer;
      layer.key_offset = 2 * half * size_t(i);
      layer.value_offset = layer.key_offset + half;
      layer.format = &row;
      layer.kv_heads = kKvHeads;
      layer.key_dim = layer.value_dim = kKvDim;
      kv.layers.push_back(layer);
    }
    return kv;
  }

  /// Seconds of attention over all layers of the cache by `group` query heads for each KV head.
  double attention_seconds(KernelRig& rig, KvRig& kv, int32_t group, int32_t tokens, int32_t depth) {
    const int32_t width = kKvHeads * group * kKvDim;
    if (queries_ == nullptr) {
      queries_ = &rig.buffer(size_t{KernelRig::kMostTokens} * kKvHeads * 4 * kKvDim * 2 * sizeof(float),
                             BufferUse::kActivations);
    }
    rig.set_step(tokens, depth);
    AttentionArgs args;
    args.queries = {queries_, 0, width, width};
    args.output = {queries_, queries_->size() / 2, width, width};
    args.heads = kKvHeads * group;
    args.scale = 0.1f;
    return rig.median_seconds(
        [&](Ops& ops) {
          for (KvLayer& layer : kv.layers) {
            layer.slabs = &kv.slabs;
            args.kv = layer;
            ops.attention(args);
          }
        },
        0.02, 5);
  }

  void attention() {
    constexpr int32_t kDepth = 2048, kGroup = 4, kPrompt = 128;
    for (Format format : {Format::kF16, Format::kF32, Format::kQ8_0, Format::kQ4_0}) {
      KernelRig rig(*device_);
      queries_ = nullptr;
      const double layer_bytes = 2.0 * kKvHeads * kDepth * double(row_bytes(format_row(format), kKvDim));
      const auto layers = int32_t(std::clamp(double(large_) / 4 / layer_bytes, 1.0, 24.0));
      KvRig kv = make_kv(rig, format, layers, kDepth + KernelRig::kMostTokens);
      AttentionSpeed speed;
      speed.format = format;
      speed.decode_bytes = layer_bytes * layers / attention_seconds(rig, kv, 1, 1, kDepth - 1);
      const double macs = 2.0 * kKvHeads * kGroup * kKvDim;  // of a token and a position
      KvRig one = make_kv(rig, format, 1, 1024);
      speed.decode_macs = macs * 1024 / attention_seconds(rig, one, kGroup, 1, 1023);
      KvRig few = make_kv(rig, format, 1, 1024 + kPrompt);
      const double seen = kPrompt * (1024 + kPrompt / 2.0);
      speed.prefill_macs = macs * seen / attention_seconds(rig, few, kGroup, kPrompt, 1024);
      speed_.attention.push_back(speed);
    }
  }

  /// Seconds by which a probe's decoding step of `streams` sequences takes longer than what is predicted of it so far.
  double beyond_prediction(const ProbeShape& shape, int32_t streams = 1) {
    const std::vector<uint8_t> file = make_probe_model(shape);
    GgufFile gguf = open_model_memory(file);
    ModelCard card = read_model_card(gguf);
    Placement placement;
    placement.layers.assign(card.layers.size(), 0);
    StepLoad load;
    load.depth = kProbeTokens / 2.0;
    load.streams = load.outputs = streams;
    const double predicted = predict_step({card, placement, Format::kF16, {&speed_, 1}}, load).total();
    Wishes wishes;
    wishes.threads = pool_.size();
    wishes.context_length = 64;
    wishes.parallel = streams;
    Device* const device = device_.get();
    const HostFacts host{pool_.size(), pool_.size(), {}};
    ModelSource source(std::move(gguf), std::move(card), {&device, 1}, host, pool_, wishes);
    source.load();
    const SpeedRun run{.tokens = kProbeTokens, .streams = streams};
    return streams / measure_speed(source.runner(), source.card(), run, 3).median - predicted;
  }

  /// What the step of a model takes beyond products and attention.
  void rest() {
    speed_.values_per_second = values_between_products();
    // So narrow that its products take next to nothing.
    const ProbeShape few{8, 128, 2, 256}, many{48, 128, 2, 256};
    const double of_few = beyond_prediction(few);
    speed_.layer_seconds = std::max(0.0, beyond_prediction(many) - of_few) / (many.layers - few.layers);
    speed_.step_seconds = std::max(0.0, of_few - few.layers * speed_.layer_seconds);
    const double of_streams = beyond_prediction(many, kProbeStreams);
    speed_.head_seconds = std::max(0.0, of_streams) / (double(many.layers) * many.heads * (kProbeStreams - 1));
  }

  /// f32 values per second on a long prompt's way between the products: norm, activation function, residual.
  double values_between_products() {
    constexpr int32_t kTokens = KernelRig::kMostTokens, kEmbedding = 1024, kHidden = 4096;
    KernelRig rig(*device_);
    rig.set_step(kTokens);
    Buffer& memory =
        rig.buffer(size_t{kTokens} * (2 * kEmbedding + 2 * kHidden) * sizeof(float), BufferUse::kActivations);
    size_t at = 0;
    const auto tensor = [&](int32_t columns) {
      const Tensor result{&memory, at, columns, columns};
      at += size_t{kTokens} * size_t(columns) * sizeof(float);
      return result;
    };
    const Tensor x = tensor(kEmbedding), y = tensor(kEmbedding), gate = tensor(kHidden), up = tensor(kHidden);
    Weight reader;  // what the next product reads
    reader.format = &format_row(Format::kQ4_K);
    reader.layout = device_->preferred_layout(KernelOp::kMatmul, Format::kQ4_K, kEmbedding, kEmbedding);
    const PreparedKinds kinds = device_->prepared_kinds(reader);
    Buffer& forms = rig.buffer(device_->prepared_bytes(kinds, kHidden, kTokens), BufferUse::kActivations);
    NormArgs norm;
    norm.input = x;
    norm.prepared = {&forms, 0, kinds, kEmbedding};
    const double seconds = rig.median_seconds(
        [&](Ops& ops) {
          ops.norm(norm);
          ops.glu({RowSet::kTokens, GluKind::kSilu, gate, up, {}, {&forms, 0, kinds, kHidden}});
          ops.add({RowSet::kTokens, x, y, x, 1e-9f});
          ops.prepare({RowSet::kTokens, y, {&forms, 0, kinds, kEmbedding}});
        },
        0.03, 7);
    return kTokens * (4.0 * kEmbedding + 2.0 * kHidden) / seconds;
  }

  static constexpr int32_t kProbeTokens = 32, kProbeStreams = 16;
  static constexpr int64_t kOutputColumns = 8192;
  static constexpr size_t kCachedBytes = 768 << 10;  // for each thread: in every second-level cache that matters
  static constexpr double kCachedSeconds = 0.005;

  const MeasureOptions& options_;
  ThreadPool pool_;
  DeviceOptions device_options_;
  std::unique_ptr<Device> device_;
  size_t large_ = 0, done_ = 0, total_ = 0, cursor_ = 0;
  Buffer* queries_ = nullptr;
  DeviceSpeed speed_;
};

}  // namespace

DeviceSpeed measure_cpu_speed(const MeasureOptions& options) { return CpuMeasurement(options).run(); }

DeviceSpeed speed_of_measured_gpu(const DeviceInfo& info) {
  SpeedFacts facts;
  facts.bytes_per_second = info.memory_bandwidth;
  facts.macs_per_second = std::max(info.int8_rate, info.f16_rate);
  facts.step_seconds = info.launch_seconds;
  facts.link = std::min(info.link_up, info.link_down);
  DeviceSpeed speed = speed_of_facts(info.id, facts);
  speed.measured = true;
  if (info.unified_memory) speed.link_up = speed.link_down = 0;
  return speed;
}

}  // namespace vivace
