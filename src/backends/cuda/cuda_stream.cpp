#include "backends/cuda/cuda_stream.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <tuple>
#include <utility>

#include "backends/cuda/kernels.h"
#include "backends/cuda/program.h"
#include "backends/cuda/upload.h"
#include "base/error.h"
#include "device/step_buckets.h"
#include "device/step_needs.h"

namespace vivace::cuda {
namespace {

constexpr size_t kAlign = 256;
constexpr size_t kMostGraphs = 1024;

size_t mirror_bytes(const StepInputs& inputs) { return (inputs.block().size_bytes() + kAlign - 1) / kAlign * kAlign; }

size_t scratch_bytes(const DeviceFacts& facts, const StepLimits& limits) {
  return std::max(matmul_workspace_bytes(facts, limits), attention_workspace_bytes(facts, limits));
}

/// Names a recording: calls, and the size of step that they are launched for.
struct GraphKey {
  uint64_t calls = 0;
  int32_t tokens = 0, outputs = 0;

  bool operator<(const GraphKey& other) const {
    return std::tie(calls, tokens, outputs) < std::tie(other.calls, other.tokens, other.outputs);
  }
};

StepNeeds needs_of(const Program& program) {
  StepNeeds needs;
  for (const Call& call : program) {
    if (const auto* embed = std::get_if<EmbedArgs>(&call)) needs.add(*embed);
    if (const auto* write = std::get_if<KvWriteArgs>(&call)) needs.add(*write);
  }
  return needs;
}

/// A graph ready to launch.
struct Graph {
  cudaGraphExec_t exec = nullptr;
  StepNeeds needs;
  uint64_t last_use = 0;

  explicit Graph(cudaGraphExec_t ready) : exec(ready) {}
  ~Graph() { cudaGraphExecDestroy(exec); }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
};

class CudaStream final : public Stream {
 public:
  CudaStream(std::shared_ptr<DeviceMemory> memory, const DeviceFacts& facts, const StepInputs& inputs)
      : memory_(std::move(memory)), inputs_(inputs), bytes_(stream_bytes(facts, inputs.limits())) {
    device_ = memory_->allocate(bytes_);
    try {
      upload_ = memory_->allocate_host(upload_bytes(inputs));
      check_gpu(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
      check_gpu(cudaEventCreateWithFlags(&done_, cudaEventBlockingSync | cudaEventDisableTiming), "cudaEventCreate");
      clear_device();
    } catch (...) {
      release();
      throw;
    }
    launch_.stream = stream_;
    launch_.device = &facts;
    launch_.step = step_view(inputs, reinterpret_cast<const int32_t*>(device_));
    launch_.workspace = device_ + mirror_bytes(inputs);
    launch_.workspace_bytes = bytes_ - mirror_bytes(inputs);
  }
  ~CudaStream() override {
    memory_->select_quietly();
    graphs_.clear();
    release();
  }

  bool begin(uint64_t key) override {
    program_.clear();  // of a step that ended in an error before its sync
    key_ = {key, bucket_of(inputs_.tokens(), inputs_.limits().tokens),
            bucket_of(inputs_.outputs(), inputs_.limits().outputs)};
    has_key_ = true;
    replays_ = graphs_.contains(key_);
    return replays_;
  }

  std::vector<StepShape> shapes() const override { return bucket_shapes(inputs_.limits()); }

  void record(uint64_t key, StepShape shape) override {
    program_.clear();
    key_ = {key, bucket_of(shape.tokens, inputs_.limits().tokens), bucket_of(shape.outputs, inputs_.limits().outputs)};
    has_key_ = true;
    replays_ = false;
  }

  void finish_recording() override {
    const Program program = std::exchange(program_, {});
    has_key_ = false;
    memory_->select();
    keep_graph(program);
  }

  void sync() override {
    const Program program = std::exchange(program_, {});
    const bool replays = std::exchange(replays_, false), keep = std::exchange(has_key_, false);
    if (inputs_.tokens() <= 0) return;
    memory_->select();
    memory_->uploads().finish();
    if (replays || keep) {
      Graph& graph = replays ? *graphs_.at(key_) : keep_graph(program);
      graph.last_use = ++clock_;
      graph.needs.check(inputs_);
      fill_upload(inputs_, upload_);
      memory_->count_call(DeviceCall::kSubmit);
      check_gpu(cudaGraphLaunch(graph.exec, stream_), "cudaGraphLaunch");
    } else {
      if (program.empty()) return;
      run_once(program);
    }
    wait();
  }

  void set_threads(int32_t /*threads*/) override {}

  void embed(const EmbedArgs& args) override { push(args); }
  void norm(const NormArgs& args) override { push(args); }
  void prepare(const PrepareArgs& args) override { push(args); }
  void matmul(const MatmulArgs& args) override { push(args); }
  void add(const AddArgs& args) override { push(args); }
  void scale(const ScaleArgs& args) override { push(args); }
  void glu(const GluArgs& args) override { push(args); }
  void rope_table(const RopeTableArgs& args) override { push(args); }
  void rope(const RopeArgs& args) override { push(args); }
  void kv_write(const KvWriteArgs& args) override { push(args); }
  void attention(const AttentionArgs& args) override { push(args); }
  void gather(const GatherArgs& args) override { push(args); }
  void copy(const CopyArgs& args) override { push(args); }

 private:
  void push(const Call& call) {
    if (replays_) throw Error(ErrorCode::kInternal, "an operation was called in a step that replays its program");
    program_.push_back(call);
  }

  /// The workspace begins as zeros, like every buffer.
  void clear_device() {
    check_gpu(cudaMemsetAsync(device_, 0, bytes_, stream_), "cudaMemset");
    check_gpu(cudaStreamSynchronize(stream_), "cudaMemset");
  }

  void release() {
    memory_->select_quietly();
    if (done_) cudaEventDestroy(done_);
    if (stream_) cudaStreamDestroy(stream_);
    if (upload_) memory_->release_host(upload_);
    memory_->release(device_, bytes_);
  }

  /// Launches the calls in the stream, for steps of the current key's size.
  void enqueue_calls(const Program& program, int32_t tokens, int32_t outputs) {
    launch_.tokens = tokens;
    launch_.outputs = outputs;
    enqueue_upload(launch_, inputs_, upload_);
    enqueue(launch_, fuse(program));
  }

  Graph& keep_graph(const Program& program) {
    make_room();
    check_gpu(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    cudaGraph_t graph = nullptr;
    try {
      enqueue_calls(program, key_.tokens, key_.outputs);
    } catch (...) {
      cudaStreamEndCapture(stream_, &graph);
      if (graph) cudaGraphDestroy(graph);
      cudaGetLastError();
      throw;
    }
    check_gpu(cudaStreamEndCapture(stream_, &graph), "cudaStreamEndCapture");
    cudaGraphExec_t exec = nullptr;
    const cudaError_t status = cudaGraphInstantiate(&exec, graph, 0);
    cudaGraphDestroy(graph);
    check_gpu(status, "cudaGraphInstantiate");
    auto kept = std::make_unique<Graph>(exec);
    kept->needs = needs_of(program);
    kept->last_use = ++clock_;
    check_gpu(cudaGraphUpload(exec, stream_), "cudaGraphUpload");
    return *(graphs_[key_] = std::move(kept));
  }

  void make_room() {
    if (graphs_.size() < kMostGraphs) return;
    graphs_.erase(std::min_element(graphs_.begin(), graphs_.end(), [](const auto& a, const auto& b) {
      return a.second->last_use < b.second->last_use;
    }));
  }

  void run_once(const Program& program) {
    needs_of(program).check(inputs_);
    fill_upload(inputs_, upload_);
    memory_->count_call(DeviceCall::kSubmit);
    enqueue_calls(program, bucket_of(inputs_.tokens(), inputs_.limits().tokens),
                  bucket_of(inputs_.outputs(), inputs_.limits().outputs));
  }

  /// Asks often for a while, then sleeps: waking up costs more than a step of a small model takes.
  void wait() {
    using Clock = std::chrono::steady_clock;
    memory_->count_call(DeviceCall::kWait);
    check_gpu(cudaEventRecord(done_, stream_), "cudaEventRecord");
    const Clock::time_point give_up = Clock::now() + std::chrono::milliseconds(5);
    cudaError_t status = cudaEventQuery(done_);
    while (status == cudaErrorNotReady && Clock::now() < give_up) status = cudaEventQuery(done_);
    if (status == cudaErrorNotReady) status = cudaEventSynchronize(done_);
    check_gpu(status, "a step");
  }

  const std::shared_ptr<DeviceMemory> memory_;
  const StepInputs& inputs_;
  const size_t bytes_;
  uint8_t* device_ = nullptr;  // mirror of the inputs, then the workspace
  uint8_t* upload_ = nullptr;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t done_ = nullptr;
  Launch launch_;
  std::map<GraphKey, std::unique_ptr<Graph>> graphs_;
  uint64_t clock_ = 0;
  Program program_;  // calls since begin(), record() or the last sync()
  GraphKey key_;
  bool has_key_ = false, replays_ = false;
};

}  // namespace

size_t stream_bytes(const DeviceFacts& facts, const StepLimits& limits) {
  return mirror_bytes(StepInputs(limits)) + scratch_bytes(facts, limits);
}

std::unique_ptr<Stream> make_stream(std::shared_ptr<DeviceMemory> memory, const DeviceFacts& facts,
                                    const StepInputs& inputs) {
  return std::make_unique<CudaStream>(std::move(memory), facts, inputs);
}

}  // namespace vivace::cuda
