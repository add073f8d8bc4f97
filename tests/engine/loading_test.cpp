// Loading: repacked or left in the mapped file, the model is the same; progress, cancelling, files that change.
#include <algorithm>
#include <thread>

#include "base/error.h"
#include "engine_rig.h"

namespace vivace::test {
namespace {

/// A model with every matrix in one format, biases and an odd number of rows.
void write_model(const std::filesystem::path& path, Format id) {
  PlainSpec spec = small_llama();
  spec.embedding = 256;
  spec.head_dim = 128;
  spec.feed_forward = 256;
  spec.vocabulary = 101;
  spec.biases = true;
  PlainModel plain = make_plain_model(spec);
  const FormatRow& format = format_row(id);
  write_plain_model(plain, path, id, [&](PlainTensor& tensor) {
    const size_t blocks = tensor.values.size() / format.block_columns;
    std::vector<uint8_t> bytes(blocks * format.block_bytes);
    format.encode(tensor.values.data(), bytes.data(), blocks);
    return bytes;
  });
}

/// The file of write_model in this format; encoders search, so each is made once for all backends.
std::filesystem::path model_in(Format format) {
  static const TempFolder folder;
  const std::filesystem::path path = folder / std::string(format_row(format).name);
  if (!std::filesystem::exists(path)) write_model(path, format);
  return path;
}

class Loading : public ::testing::TestWithParam<Backend> {
 protected:
  std::vector<float> logits(const std::filesystem::path& path, bool map_weights, std::vector<int32_t> split = {}) {
    Rig rig(GetParam(), 2, split.empty() ? 1 : 2);
    Wishes wishes = score_wishes(20, 12);
    wishes.map_weights = map_weights;
    wishes.layer_split = std::move(split);
    const auto model = rig.load(path, wishes);
    return all_logits(*model, random_tokens(20, model->card.vocabulary, 5));
  }
  TempFolder folder_;
};

TEST_P(Loading, MappedWeightsGiveTheSameLogits) {
  for (const FormatRow& format : formats()) {
    if (!format.encode) continue;
    SCOPED_TRACE(format.name);
    const std::filesystem::path path = model_in(format.format);
    const std::vector<float> loaded = logits(path, false), mapped = logits(path, true);
    ASSERT_EQ(loaded.size(), mapped.size());
    // Blocks go through the kernels of their panels; 16 and 32 bit floats have kernels for rows, which sum otherwise.
    if (format.block_columns > 1) {
      EXPECT_EQ(loaded, mapped);
    } else {
      for (size_t i = 0; i < loaded.size(); ++i) ASSERT_NEAR(loaded[i], mapped[i], 0.05) << i;
    }
    EXPECT_EQ(mapped, logits(path, true, {1, 1}));
  }
}

TEST_P(Loading, MappedWeightsTakeNoMemory) {
  std::filesystem::copy_file(model_in(Format::kQ4_K), folder_ / "m.gguf");
  Rig rig(GetParam());
  Wishes wishes = score_wishes(20, 12);
  wishes.map_weights = true;
  const auto model = rig.load(folder_ / "m.gguf", wishes);
  std::filesystem::remove(folder_ / "m.gguf");  // an open map doesn't need its name
  size_t matrices = 0, vectors = 0;
  for (const TensorCard& tensor : model->card.tensors) {
    (tensor.rows > 1 ? matrices : vectors) += tensor.file_bytes;
  }
  const MemoryLedger& ledger = model->plan.ledgers[0];
  EXPECT_EQ(ledger.mapped, matrices);
  EXPECT_GT(ledger.weights, 0u);
  EXPECT_LT(ledger.weights, 2 * vectors + 4096);
  EXPECT_EQ(ledger.total(), ledger.weights + ledger.kv + ledger.activations);
  EXPECT_EQ(all_logits(*model, {1, 2, 3}).size(), 3u * 101);
}

/// A CPU device that allocates no more than so many bytes at once.
class SmallBuffers : public Device {
 public:
  SmallBuffers(std::unique_ptr<Device> inner, size_t largest) : inner_(std::move(inner)), info_(inner_->info()) {
    info_.largest_buffer = largest;
  }
  const DeviceInfo& info() const override { return info_; }
  std::unique_ptr<Buffer> allocate(size_t bytes, BufferUse use) override {
    if (use == BufferUse::kWeights) {
      EXPECT_LE(bytes, info_.largest_buffer);
      ++buffers;
    }
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

  int buffers = 0;

 private:
  std::unique_ptr<Device> inner_;
  DeviceInfo info_;
};

TEST(LoadingInPieces, GivesTheSameLogits) {
  const auto load = [](size_t largest, int& buffers) {
    SmallBuffers* device = nullptr;
    const Backend small{"small", false, [&](ThreadPool& pool, const std::string& id) {
                          auto made = std::make_unique<SmallBuffers>(backends().back().open(pool, id), largest);
                          device = made.get();
                          return made;
                        }};
    Rig rig(small);
    const auto model = rig.load(model_in(Format::kQ8_0), score_wishes(20, 12));
    buffers = device->buffers;
    return all_logits(*model, random_tokens(20, model->card.vocabulary, 5));
  };
  int whole = 0, pieces = 0;
  const std::vector<float> expected = load(size_t{1} << 30, whole);
  EXPECT_EQ(load(100000, pieces), expected);
  EXPECT_GT(pieces, whole + 2);
  try {
    load(1000, pieces);
    ADD_FAILURE() << "a matrix in a buffer that is too small for it";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  }
}

INSTANTIATE_TEST_SUITE_P(Engine, Loading, ::testing::ValuesIn(backends()),
                         [](const auto& test) { return test.param.name; });

class LoadProgressTest : public ::testing::Test {
 protected:
  LoadProgressTest() { write_model(folder_ / "m.gguf", Format::kQ4_K); }

  std::unique_ptr<LoadedModel> load(const LoadProgress& progress, const std::function<void()>& before_load = {}) {
    const GgufFile file = open_model_file(folder_ / "m.gguf");
    ModelCard card = read_model_card(file);
    Plan plan = make_plan(card, rig_.pointers, rig_.host, wishes_);
    if (before_load) before_load();
    return load_model(file, std::move(card), std::move(plan), rig_.pointers, rig_.pool, progress);
  }

  ErrorCode error_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      return error.code();
    }
    ADD_FAILURE() << "no error";
    return ErrorCode::kInternal;
  }

  TempFolder folder_;
  Rig rig_{backends().back(), 3};
  Wishes wishes_ = score_wishes(20, 12);
  const std::thread::id loading_thread_ = std::this_thread::get_id();
};

TEST_F(LoadProgressTest, GrowsToTheWholeOnTheLoadingThread) {
  std::vector<size_t> done;
  size_t whole = 0;
  const auto model = load([&](size_t now, size_t total) {
    EXPECT_EQ(std::this_thread::get_id(), loading_thread_);
    done.push_back(now);
    whole = total;
    return true;
  });
  size_t expected = 0;
  for (const TensorCard& tensor : model->card.tensors) expected += tensor.file_bytes;
  EXPECT_EQ(whole, expected);
  ASSERT_FALSE(done.empty());
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_EQ(done.back(), expected);
}

TEST_F(LoadProgressTest, CanCancel) {
  int calls = 0;
  EXPECT_EQ(error_of([&] {
              load([&](size_t, size_t) {
                ++calls;
                return false;
              });
            }),
            ErrorCode::kCancelled);
  EXPECT_EQ(calls, 1);
}

TEST_F(LoadProgressTest, AShortenedFileIsAnError) {
  const auto shorten = [&] { std::filesystem::resize_file(folder_ / "m.gguf", 20000); };
  for (const bool map : {false, true}) {
    wishes_.map_weights = map;
    write_model(folder_ / "m.gguf", Format::kQ4_K);
    EXPECT_EQ(error_of([&] { load({}, shorten); }), ErrorCode::kIo);
  }
  // Mapped, also when it happens during the load.
  write_model(folder_ / "m.gguf", Format::kQ4_K);
  const auto shorten_later = [&](size_t, size_t) {
    shorten();
    return true;
  };
  EXPECT_EQ(error_of([&] { load(shorten_later); }), ErrorCode::kIo);
}

}  // namespace
}  // namespace vivace::test
