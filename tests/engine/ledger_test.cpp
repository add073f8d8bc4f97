// The planner's ledger against what loading and running really allocate, byte for byte, device by device.
#include <array>

#include "engine/step.h"
#include "engine_rig.h"

namespace vivace::test {
namespace {

using Counts = std::array<size_t, 3>;  // by BufferUse

/// Passes everything on and counts the bytes that were asked for.
class CountingDevice : public Device {
 public:
  CountingDevice(std::unique_ptr<Device> inner, Counts& counts) : inner_(std::move(inner)), counts_(counts) {}
  const DeviceInfo& info() const override { return inner_->info(); }
  std::unique_ptr<Buffer> allocate(size_t bytes, BufferUse use) override {
    counts_[size_t(use)] += bytes;
    return inner_->allocate(bytes, use);
  }
  std::unique_ptr<Stream> create_stream(const StepInputs& inputs) override { return inner_->create_stream(inputs); }
  Layout preferred_layout(KernelOp op, Format format, int64_t rows, int64_t columns) const override {
    return inner_->preferred_layout(op, format, rows, columns);
  }
  PreparedKinds prepared_kinds(const Weight& weight) const override { return inner_->prepared_kinds(weight); }
  size_t prepared_bytes(PreparedKinds kinds, int32_t columns, int32_t rows) const override {
    return inner_->prepared_bytes(kinds, columns, rows);
  }

 private:
  std::unique_ptr<Device> inner_;
  Counts& counts_;
};

void expect_ledger_holds(const PlainSpec& spec, const Backend& backend, Wishes wishes) {
  std::vector<Counts> counts(2, Counts{});
  size_t opened = 0;
  const Backend counting{backend.name, backend.exact, [&](ThreadPool& pool, const std::string& id) {
                           return std::make_unique<CountingDevice>(backend.open(pool, id), counts[opened++]);
                         }};
  Rig rig(counting, 2, 2);
  TempFolder folder;
  PlainModel plain = make_plain_model(spec);
  const FormatRow& format = format_row(Format::kQ4_0);
  write_plain_model(plain, folder / "model.gguf", format.format, [&](PlainTensor& tensor) {
    const size_t blocks = tensor.values.size() / format.block_columns;
    std::vector<uint8_t> bytes(blocks * format.block_bytes);
    format.encode(tensor.values.data(), bytes.data(), blocks);
    return bytes;
  });
  const auto model = rig.load(folder / "model.gguf", wishes);
  const StepRunner runner(*model);
  for (size_t d = 0; d < 2; ++d) {
    SCOPED_TRACE("device " + std::to_string(d));
    const MemoryLedger& ledger = model->plan.ledgers[d];
    EXPECT_EQ(ledger.weights, counts[d][size_t(BufferUse::kWeights)]);
    EXPECT_EQ(ledger.kv, counts[d][size_t(BufferUse::kKv)]);
    EXPECT_EQ(ledger.activations, counts[d][size_t(BufferUse::kActivations)]);
  }
}

TEST(Ledger, IsWhatIsAllocated) {
  for (const Backend& backend : backends()) {
    for (PlainSpec spec : {small_llama(), small_gemma()}) {
      SCOPED_TRACE(backend.name + " " + spec.architecture);
      spec.feed_forward = 64;
      spec.vocabulary = 101;  // no multiple of a panel's rows
      Wishes wishes = engine_wishes(300, 3);
      expect_ledger_holds(spec, backend, wishes);
      wishes.layer_split = {1, spec.layers - 1};
      expect_ledger_holds(spec, backend, wishes);
    }
  }
}

/// On a GPU the prediction is the sum of what the device counts, its streams' workspaces included.
TEST(Ledger, IsWhatAGpuCounts) {
  for (const Backend& backend : backends_and_gpus()) {
    if (!backend.gpu) continue;
    SCOPED_TRACE(backend.name);
    PlainModel plain = make_plain_model(small_llama());
    TempFolder folder;
    write_plain_model(plain, folder / "model.gguf");
    for (int32_t first : {0, 1, small_llama().layers}) {
      Rig rig(backend, 2, 2);
      Wishes wishes = engine_wishes(300, 3);
      wishes.layer_split = {first, small_llama().layers - first};
      const auto model = rig.load(folder / "model.gguf", wishes);
      const StepRunner runner(*model);
      for (size_t d = 0; d < 2; ++d) {
        EXPECT_EQ(rig.devices[d]->allocated_bytes(), model->plan.ledgers[d].total()) << first << ", device " << d;
      }
    }
  }
}

}  // namespace
}  // namespace vivace::test
