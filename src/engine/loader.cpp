// Moves weights from a GGUF file to the devices: copies vectors as F32, repacks matrices into the device's layout.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <tuple>

#include "base/error.h"
#include "device/device_error.h"
#include "engine/loaded_model.h"
#include "engine/mapped_buffer.h"
#include "models/decoder.h"

namespace vivace {
namespace {

/// One tensor on one device; a tied embedding on two devices makes two jobs.
struct Job {
  const TensorCard* tensor;
  const TensorInfo* info;
  Weight* target;
  int32_t device;
};

/// Rows of a tensor that one thread loads; a vector is one piece.
struct Piece {
  const Job* job;
  int64_t begin;
  int64_t rows;
};

bool is_vector(const TensorCard& tensor) { return tensor_roles()[size_t(tensor.role)].shape == TensorShape::kVector; }

class Loader {
 public:
  Loader(const GgufFile& file, LoadedModel& model, ThreadPool& pool, const LoadProgress& progress)
      : file_(file), model_(model), pool_(pool), progress_(progress) {}

  void run() {
    file_.check_sizes();
    make_jobs();
    allocate();
    map_files();
    share_embedding();
    load_ropes();
    load_all();
    if (!mapped_.empty()) file_.check_sizes();  // the last moment at which a shortened file is an error, not a SIGBUS
  }

 private:
  void make_jobs() {
    const Placement& placement = model_.plan.placement;
    model_.weights.layers.resize(model_.card.layers.size());
    jobs_.reserve(model_.card.tensors.size() + 1);
    for (const TensorCard& tensor : model_.card.tensors) {
      if (tensor.layer >= 0) {
        add_job(tensor, model_.weights.layers[tensor.layer][tensor.role],
                placement.device_of(size_t(tensor.layer), tensor.role));
      } else if (tensor.role == TensorRole::kTokenEmbedding) {
        add_job(tensor, model_.weights.common[tensor.role], placement.embedding);
        if (model_.card.tied_output && placement.output != placement.embedding) {
          add_job(tensor, model_.weights.common[TensorRole::kOutput], placement.output);
        }
      } else {
        add_job(tensor, model_.weights.common[tensor.role], placement.output);
      }
    }
  }

  void add_job(const TensorCard& tensor, Weight& target, int32_t device) {
    const Device& where = *model_.devices[device];
    const bool vector = is_vector(tensor);
    target.format = vector ? &format_row(Format::kF32) : tensor.format;
    target.layout = loaded_layout(tensor, where, model_.plan.map_weights);
    target.rows = tensor.rows;
    target.columns = tensor.columns;
    if (!vector && !find_kernel(where.info(), KernelOp::kMatmul, tensor.format->format, target.layout)) {
      throw Error(ErrorCode::kUnsupported,
                  where.info().id + " has no kernel for " + tensor.format->name + " (tensor " + tensor.name + ")");
    }
    const TensorInfo& info = file_.get_tensor(tensor.name);
    if (stays_in_file(tensor, where, model_.plan.map_weights)) {
      mapped_.push_back({&tensor, &info, &target, device});
      return;
    }
    jobs_.push_back({&tensor, &info, &target, device});
    total_bytes_ += tensor.file_bytes;
  }

  /// One buffer per device, each weight on a border; several where the device allocates none that large.
  void allocate() {
    for (size_t d = 0; d < model_.devices.size(); ++d) {
      Device& device = *model_.devices[d];
      const size_t largest = device.info().largest_buffer > 0 ? device.info().largest_buffer : SIZE_MAX;
      std::vector<Weight*> together;
      size_t bytes = 0;
      for (size_t j = 0; j < jobs_.size(); ++j) {
        if (jobs_[j].device != int32_t(d)) continue;
        Weight& weight = *jobs_[j].target;
        const size_t size = (weight.bytes() + kWeightBorder - 1) / kWeightBorder * kWeightBorder;
        if (size > largest) {
          throw Error(ErrorCode::kUnsupported,
                      device.info().id + " allocates no buffer as large as tensor " + jobs_[j].tensor->name);
        }
        if (bytes > largest - size) allocate_together(device, together, bytes);
        weight.offset = bytes;
        bytes += size;
        together.push_back(&weight);
      }
      allocate_together(device, together, bytes);
    }
  }

  /// A buffer for these weights, which have their offsets; then there are none.
  void allocate_together(Device& device, std::vector<Weight*>& weights, size_t& bytes) {
    if (weights.empty()) return;
    model_.buffers.push_back(on_device(device, [&] { return device.allocate(bytes, BufferUse::kWeights); }));
    for (Weight* weight : weights) weight->buffer = model_.buffers.back().get();
    weights.clear();
    bytes = 0;
  }

  /// Weights that stay in their file become views of its map.
  void map_files() {
    std::map<uint32_t, Buffer*> maps;
    for (const Job& job : mapped_) {
      Buffer*& map = maps[job.info->file_index];
      if (!map) {
        model_.buffers.push_back(std::make_unique<MappedBuffer>(file_.map_file(job.info->file_index)));
        map = model_.buffers.back().get();
      }
      job.target->buffer = map;
      job.target->offset = size_t(job.info->offset);
    }
  }

  void share_embedding() {
    LayerWeights& common = model_.weights.common;
    if (model_.card.tied_output && !common[TensorRole::kOutput]) {
      common[TensorRole::kOutput] = common[TensorRole::kTokenEmbedding];
    }
  }

  /// Pieces of tensors, in the file's order, claimed by whoever is free.
  void load_all() {
    const std::vector<Piece> pieces = make_pieces();
    const int threads = int(std::clamp<size_t>(pieces.size(), 1, size_t(pool_.size())));
    pool_.run(threads, [&](int thread) {
      std::vector<uint8_t> raw, packed;
      try {
        for (size_t i = next_piece_++; i < pieces.size() && !stopped_; i = next_piece_++) {
          on_device(*model_.devices[pieces[i].job->device], [&] { load(pieces[i], raw, packed); });
          if (thread == 0) report();
        }
      } catch (...) {
        stopped_ = true;
        throw;
      }
    });
    report();
  }

  /// On the thread that loads.
  void report() {
    if (progress_ && !progress_(done_bytes_, total_bytes_))
      throw Error(ErrorCode::kCancelled, "the load was cancelled");
  }

  std::vector<Piece> make_pieces() const {
    // As long as a large page: then its zeroing, by the system at the first touch, and its filling meet in a cache.
    constexpr size_t kPieceBytes = size_t{2} << 20;
    std::vector<Piece> pieces;
    for (const Job& job : jobs_) {
      const TensorCard& tensor = *job.tensor;
      const int64_t step = is_vector(tensor) ? tensor.rows : rows_within(kPieceBytes, tensor);
      for (int64_t begin = 0; begin < tensor.rows; begin += step) {
        pieces.push_back({&job, begin, std::min(step, tensor.rows - begin)});
      }
    }
    const auto place = [](const Piece& piece) {
      return std::tuple(piece.job->info->file_index, piece.job->info->offset, piece.begin);
    };
    std::stable_sort(pieces.begin(), pieces.end(), [&](const Piece& a, const Piece& b) { return place(a) < place(b); });
    return pieces;
  }

  /// Rows that are about `bytes` in the file, whole panels.
  static int64_t rows_within(size_t bytes, const TensorCard& tensor) {
    const size_t panels = bytes / row_bytes(*tensor.format, size_t(tensor.columns)) / kPanelRows;
    return std::max<int64_t>(1, int64_t(panels)) * int64_t{kPanelRows};
  }

  void load(const Piece& piece, std::vector<uint8_t>& raw, std::vector<uint8_t>& packed) {
    const TensorCard& tensor = *piece.job->tensor;
    if (is_vector(tensor)) {
      load_vector(*piece.job);
      done_bytes_ += tensor.file_bytes;
      return;
    }
    // What is read stays in the second cache until it is packed.
    constexpr size_t kReadBytes = size_t{128} << 10;
    const int64_t step = rows_within(kReadBytes, tensor), end = piece.begin + piece.rows;
    for (int64_t begin = piece.begin; begin < end && !stopped_; begin += step) {
      const int64_t rows = std::min(step, end - begin);
      load_rows(*piece.job, begin, rows, raw, packed);
      done_bytes_ += size_t(rows) * row_bytes(*tensor.format, size_t(tensor.columns));
    }
  }

  std::vector<float> decoded_vector(const TensorCard& tensor, const TensorInfo& info) const {
    std::vector<uint8_t> raw(info.bytes);
    file_.read_tensor(info, 0, raw);
    std::vector<float> values(size_t(tensor.rows) * size_t(tensor.columns));
    tensor.format->decode(raw.data(), values.data(), values.size() / tensor.format->block_columns);
    return values;
  }

  void load_vector(const Job& job) {
    const std::vector<float> values = decoded_vector(*job.tensor, *job.info);
    job.target->buffer->write(job.target->offset,
                              {reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(float)});
  }

  void load_rows(const Job& job, int64_t begin, int64_t rows, std::vector<uint8_t>& raw,
                 std::vector<uint8_t>& packed) const {
    const Weight& weight = *job.target;
    const size_t columns = size_t(weight.columns), bytes_per_row = row_bytes(*weight.format, columns);
    const size_t file_offset = size_t(begin) * bytes_per_row, file_bytes = size_t(rows) * bytes_per_row;
    uint8_t* host = weight.buffer->host_data();
    // Read, not mapped: a file that somebody shortens meanwhile is an error here, in a mapping a SIGBUS.
    if (weight.layout == Layout::kRows && host) {
      file_.read_tensor(*job.info, file_offset, {host + weight.offset + file_offset, file_bytes});
      return;
    }
    raw.resize(file_bytes);
    file_.read_tensor(*job.info, file_offset, raw);
    if (weight.layout == Layout::kRows) {
      weight.buffer->write(weight.offset + file_offset, raw);
      return;
    }
    const size_t panel_bytes = weight_bytes(*weight.format, Layout::kPanel16, kPanelRows, columns);
    const size_t panels = (size_t(rows) + kPanelRows - 1) / kPanelRows;
    const size_t target_offset = weight.offset + size_t(begin) / kPanelRows * panel_bytes;
    if (!host) packed.resize(panels * panel_bytes);
    uint8_t* out = host ? host + target_offset : packed.data();
    for (size_t p = 0; p < panels; ++p) {
      const size_t first = p * kPanelRows;
      pack_panel16(*weight.format, raw.data() + first * bytes_per_row, std::min(kPanelRows, size_t(rows) - first),
                   columns, out + p * panel_bytes);
    }
    if (!host) weight.buffer->write(target_offset, {packed.data(), panels * panel_bytes});
  }

  /// The factors a rope divides by; LongRope has two sets, the long one serves contexts beyond the original.
  std::vector<float> rope_factors(const RopeCard& rope) const {
    if (!rope.uses_factor_tensor) return {};
    TensorRole role = TensorRole::kRopeFactors;
    if (rope.scaling == RopeScaling::kLongRope) {
      role = model_.plan.context_length > rope.original_context ? TensorRole::kRopeFactorsLong
                                                                : TensorRole::kRopeFactorsShort;
    }
    const TensorCard* tensor = model_.card.find(role);
    if (!tensor) throw Error(ErrorCode::kInvalidFile, "the rope factor tensor of a LongRoPE model is missing");
    return decoded_vector(*tensor, file_.get_tensor(tensor->name));
  }

  void load_ropes() {
    for (const RopeCard& rope : model_.card.ropes) {
      const std::vector<float> frequencies = rope_frequencies(rope, rope_factors(rope));
      std::vector<Weight>& per_device = model_.weights.rope_frequencies.emplace_back();
      for (size_t d = 0; d < model_.devices.size(); ++d) {
        if (!model_.plan.placement.holds_attention(int32_t(d))) {
          per_device.emplace_back();
          continue;
        }
        Device* const device = model_.devices[d];
        const size_t bytes = frequencies.size() * sizeof(float);
        model_.buffers.push_back(on_device(*device, [&] { return device->allocate(bytes, BufferUse::kWeights); }));
        on_device(*device, [&] {
          model_.buffers.back()->write(0, {reinterpret_cast<const uint8_t*>(frequencies.data()), bytes});
        });
        per_device.push_back(
            {&format_row(Format::kF32), Layout::kRows, model_.buffers.back().get(), 0, 1, int64_t(frequencies.size())});
      }
    }
  }

  const GgufFile& file_;
  LoadedModel& model_;
  ThreadPool& pool_;
  const LoadProgress& progress_;
  std::vector<Job> jobs_, mapped_;
  size_t total_bytes_ = 0;
  std::atomic<size_t> done_bytes_{0}, next_piece_{0};
  std::atomic<bool> stopped_{false};
};

}  // namespace

std::unique_ptr<LoadedModel> load_model(const GgufFile& file, ModelCard card, Plan plan,
                                        std::span<Device* const> devices, ThreadPool& pool,
                                        const LoadProgress& progress) {
  const auto begin = std::chrono::steady_clock::now();
  auto model = std::make_unique<LoadedModel>();
  model->path = file.files().front().path;
  model->card = std::move(card);
  model->plan = std::move(plan);
  model->devices.assign(devices.begin(), devices.end());
  Loader(file, *model, pool, progress).run();
  model->load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return model;
}

}  // namespace vivace
