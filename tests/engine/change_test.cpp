// Levers of a loaded model change without loading it again, and the model is what it would have been.
#include "base/error.h"
#include "engine/model_source.h"
#include "engine_rig.h"

namespace vivace::test {
namespace {

class Change : public ::testing::Test {
 protected:
  Change() : pool_(2), device_(make_cpu_device({}, pool_)) {
    PlainSpec spec = small_llama();
    spec.head_dim = 32;  // a Q8_0 cache needs whole blocks
    PlainModel plain = make_plain_model(spec);
    write_plain_model(plain, path_);
    wishes_.context_length = 64;
    wishes_.batch_size = 8;
    wishes_.threads = 1;
  }

  std::unique_ptr<ModelSource> source(const Wishes& wishes) {
    GgufFile file = open_model_file(path_);
    ModelCard card = read_model_card(file);
    HostFacts host;
    host.physical_cores = 2;
    auto source = std::make_unique<ModelSource>(std::move(file), std::move(card), devices_, host, pool_, wishes);
    source->load();
    return source;
  }

  std::vector<TokenId> answer(ModelSource& source, uint64_t seed) {
    Engine engine(source, nullptr);
    Request request;
    request.prompt = random_tokens(20, source.card().vocabulary, seed);
    request.max_tokens = 12;
    request.sampling.temperature = 0;
    std::vector<TokenId> ids;
    run_request(engine, request, [&](const Event& event) {
      if (const auto* token = std::get_if<TokenEvent>(&event)) ids.push_back(token->id);
      return true;
    });
    return ids;
  }

  TempFolder folder_;
  std::filesystem::path path_ = folder_ / "model.gguf";
  ThreadPool pool_;
  std::unique_ptr<Device> device_;
  Device* devices_[1] = {device_.get()};
  Wishes wishes_;
};

TEST_F(Change, AnswersAreThoseOfAFreshLoad) {
  const auto source = this->source(wishes_);
  answer(*source, 1);
  std::vector<Wishes> steps(5, wishes_);
  steps[0].context_length = 128;
  steps[1].kv_format = Format::kQ8_0;
  steps[2].threads = 2;
  steps[3].batch_size = 32;
  steps[4].parallel = 3;
  for (size_t i = 0; i < steps.size(); ++i) {
    const void* weights = source->model().buffers[0].get();
    source->change(steps[i]);
    EXPECT_EQ(source->model().buffers[0].get(), weights) << "the weights were loaded again in step " << i;
    const auto fresh = this->source(steps[i]);
    EXPECT_EQ(answer(*source, i), answer(*fresh, i)) << "step " << i;
    EXPECT_EQ(source->plan().context_length, fresh->plan().context_length);
    EXPECT_EQ(source->plan().threads, fresh->plan().threads);
  }
}

TEST_F(Change, ThreadsLeaveTheCacheAlone) {
  const auto source = this->source(wishes_);
  const StepRunner* runner = &source->runner();
  wishes_.threads = 2;
  source->change(wishes_);
  EXPECT_EQ(&source->runner(), runner);
  wishes_.kv_format = Format::kQ8_0;
  source->change(wishes_);
  EXPECT_EQ(source->plan().threads, 2);
  EXPECT_EQ(source->plan().kv_format, Format::kQ8_0);
}

TEST_F(Change, WhatCannotBeLeavesTheModelAsItWas) {
  const auto source = this->source(wishes_);
  const std::vector<TokenId> before = answer(*source, 1);
  for (int which = 0; which < 3; ++which) {
    Wishes bad = wishes_;
    if (which == 0) bad.threads = 3;  // the pool has two
    if (which == 1) bad.context_length = 1 << 30;
    if (which == 2) bad.batch_size = -1;
    EXPECT_THROW(source->change(bad), Error) << which;
    EXPECT_EQ(source->plan().context_length, 64);
    EXPECT_EQ(answer(*source, 1), before) << which;
  }
}

}  // namespace
}  // namespace vivace::test
