#include "backends/cpu/cpu_stream.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "backends/cpu/attention_stage.h"
#include "backends/cpu/matmul_stage.h"
#include "backends/cpu/program.h"
#include "backends/cpu/row_ops.h"
#include "base/error.h"

namespace vivace {
namespace {

constexpr size_t kMostPrograms = 64;

class CpuStream final : public Stream {
 public:
  CpuStream(const StepInputs& inputs, const KernelTable& table, ThreadPool& pool, int32_t most_threads)
      : inputs_(inputs), table_(table), pool_(pool), most_threads_(most_threads), threads_(most_threads) {}

  bool begin(uint64_t key) override {
    recording_.reset();  // of a step that ended in an error before its sync
    row_stage_ = nullptr;
    key_ = key;
    has_key_ = true;
    const auto found = programs_.find(key);
    replay_ = found != programs_.end();
    if (replay_) found->second.last_use = ++clock_;
    return replay_;
  }

  void sync() override {
    std::unique_ptr<Program> program = std::move(recording_);
    row_stage_ = nullptr;
    const bool replay = std::exchange(replay_, false), keep = std::exchange(has_key_, false);
    if (replay) {
      run(*programs_.at(key_).program);
    } else if (keep) {
      if (!program) program = std::make_unique<Program>();
      Program& kept = *program;
      make_room();
      programs_[key_] = {std::move(program), ++clock_};
      run(kept);
    } else if (program) {
      run(*program);
    }
  }

  void set_threads(int32_t threads) override {
    if (threads < 1) throw Error(ErrorCode::kInvalidArgument, "a stream needs at least one thread");
    threads_ = std::min(threads, most_threads_);
  }

  void embed(const EmbedArgs& args) override { add_row_op(args); }
  void norm(const NormArgs& args) override { add_row_op(args); }
  void prepare(const PrepareArgs& args) override { add_row_op(args); }
  void add(const AddArgs& args) override { add_row_op(args); }
  void scale(const ScaleArgs& args) override { add_row_op(args); }
  void glu(const GluArgs& args) override { add_row_op(args); }
  void rope_table(const RopeTableArgs& args) override { add_row_op(args); }
  void rope(const RopeArgs& args) override { add_row_op(args); }
  void kv_write(const KvWriteArgs& args) override { add_row_op(args); }
  void gather(const GatherArgs& args) override { add_row_op(args); }
  void copy(const CopyArgs& args) override { add_row_op(args); }
  void matmul(const MatmulArgs& args) override { add_stage(std::make_unique<MatmulStage>(args, table_, scratch_)); }
  void attention(const AttentionArgs& args) override {
    add_stage(std::make_unique<AttentionStage>(args, table_, scratch_));
  }

 private:
  struct Recorded {
    std::unique_ptr<Program> program;
    uint64_t last_use = 0;
  };

  void run(Program& program) {
    scratch_.prepare(threads_);
    program.run(inputs_, pool_, threads_);
  }

  Program& program() {
    if (replay_) throw Error(ErrorCode::kInternal, "an operation was called in a step that replays its program");
    if (!recording_) recording_ = std::make_unique<Program>();
    return *recording_;
  }

  void add_stage(std::unique_ptr<Stage> stage) {
    program().append(std::move(stage));
    row_stage_ = nullptr;
  }

  void add_row_op(const RowOp& op) {
    Program& recording = program();
    if (row_stage_ != nullptr && row_stage_->accepts(op)) return row_stage_->add(op);
    auto stage = std::make_unique<RowStage>(row_set(op), inputs_.limits(), table_, scratch_);
    stage->add(op);
    row_stage_ = stage.get();
    recording.append(std::move(stage));
  }

  void make_room() {
    if (programs_.size() < kMostPrograms) return;
    programs_.erase(std::min_element(programs_.begin(), programs_.end(), [](const auto& a, const auto& b) {
      return a.second.last_use < b.second.last_use;
    }));
  }

  const StepInputs& inputs_;
  const KernelTable& table_;
  ThreadPool& pool_;
  int32_t most_threads_;
  int32_t threads_;
  WorkerScratch scratch_;
  std::unordered_map<uint64_t, Recorded> programs_;
  uint64_t clock_ = 0;
  std::unique_ptr<Program> recording_;  // calls since begin() or the last sync()
  RowStage* row_stage_ = nullptr;       // the last stage of recording_, where it takes row operations
  uint64_t key_ = 0;
  bool has_key_ = false;
  bool replay_ = false;
};

}  // namespace

std::unique_ptr<Stream> make_cpu_stream(const StepInputs& inputs, const KernelTable& table, ThreadPool& pool,
                                        int32_t most_threads) {
  return std::make_unique<CpuStream>(inputs, table, pool, most_threads);
}

}  // namespace vivace
