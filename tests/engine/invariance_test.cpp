// Invariance fuzz: whatever else runs, however a prompt is cut, on however many threads, in whichever pages, with
// prefix hits and preemptions, the token ids and the bits of the log-probabilities are those of the request alone.
// VIVACE_FUZZ_ROUNDS sets the number of random engines per case, VIVACE_FUZZ_SEED the first seed.
#include <algorithm>
#include <cstdlib>
#include <random>
#include <thread>

#include "engine_rig.h"

namespace vivace::test {
namespace {

int64_t setting(const char* name, int64_t fallback) {
  const char* text = std::getenv(name);
  return text != nullptr && *text != '\0' ? std::strtoll(text, nullptr, 10) : fallback;
}

struct FuzzCase {
  std::string name;
  PlainSpec spec;
  Backend backend;
  Format kv = Format::kF16;
};

void PrintTo(const FuzzCase& c, std::ostream* out) { *out << c.name; }

std::vector<FuzzCase> fuzz_cases() {
  std::vector<FuzzCase> cases;
  PlainSpec llama = small_llama(), gemma = small_gemma();
  llama.head_dim = gemma.head_dim = 32;
  for (const Backend& backend : backends()) {
    cases.push_back({"llama_" + backend.name, llama, backend, Format::kQ8_0});
    cases.push_back({"llama_q4_0_" + backend.name, llama, backend, Format::kQ4_0});
    cases.push_back({"gemma3_" + backend.name, gemma, backend});
  }
  return cases;
}

constexpr int32_t kContext = 448;  // beyond one attention tile

/// Q4_0 where the widths allow: int8 activations and a panel layout in the CPU's kernels; the tiny models' 32 columns
/// do.
void write_quantised(const PlainSpec& spec, const std::filesystem::path& path) {
  PlainModel model = make_plain_model(spec);
  const FormatRow& format = format_row(Format::kQ4_0);
  write_plain_model(model, path, format.format, [&](PlainTensor& tensor) {
    const size_t blocks = tensor.values.size() / format.block_columns;
    std::vector<uint8_t> bytes(blocks * format.block_bytes);
    format.encode(tensor.values.data(), bytes.data(), blocks);
    return bytes;
  });
}

class Invariance : public ::testing::TestWithParam<FuzzCase> {
 protected:
  void SetUp() override {
    PlainSpec spec = GetParam().spec;
    spec.feed_forward = 64;
    write_quantised(spec, path_);
  }

  Wishes wishes(int32_t parallel, int32_t batch, int32_t threads, int32_t threads_prefill) const {
    Wishes w = engine_wishes(kContext, parallel, batch);
    w.threads = threads;
    w.threads_prefill = threads_prefill;
    w.kv_format = GetParam().kv;
    return w;
  }

  TempFolder folder_;
  std::filesystem::path path_ = folder_ / "model.gguf";
};

/// Requests that share beginnings, so that later ones hit the pages of earlier ones.
std::vector<Request> random_requests(std::mt19937_64& random, int32_t vocabulary) {
  const std::vector<TokenId> common = random_tokens(300, vocabulary, random());
  std::vector<Request> requests;
  for (int i = 0; i < 7; ++i) {
    Request request;
    const size_t shared = random() % 3 == 0 ? 0 : random() % 280;
    request.prompt.assign(common.begin(), common.begin() + std::ptrdiff_t(shared));
    const std::vector<TokenId> own = random_tokens(1 + int32_t(random() % 60), vocabulary, random());
    request.prompt.insert(request.prompt.end(), own.begin(), own.end());
    request.max_tokens = 1 + int32_t(random() % 40);
    request.sampling.temperature = random() % 2 ? 0.0f : 1.1f;
    request.sampling.seed = random();
    request.sampling.logprobs = 3;
    request.sampling.repeat_penalty = random() % 2 ? 1.0f : 1.2f;
    requests.push_back(std::move(request));
  }
  return requests;
}

void expect_equal(const Transcript& got, const Transcript& lone) {
  EXPECT_EQ(got.ids, lone.ids);
  EXPECT_EQ(got.logprobs, lone.logprobs);
  ASSERT_EQ(got.top.size(), lone.top.size());
  for (size_t i = 0; i < got.top.size(); ++i) {
    ASSERT_EQ(got.top[i].id, lone.top[i].id);
    ASSERT_EQ(got.top[i].logprob, lone.top[i].logprob);
  }
}

TEST_P(Invariance, AnswersAreThoseOfTheLoneRun) {
  const int64_t rounds = setting("VIVACE_FUZZ_ROUNDS", 2);
  int64_t preemptions = 0, hits = 0;
  for (int64_t round = 0; round < rounds; ++round) {
    const uint64_t seed = uint64_t(setting("VIVACE_FUZZ_SEED", 1) + round);
    SCOPED_TRACE("VIVACE_FUZZ_SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    const std::vector<Request> requests = random_requests(random, GetParam().spec.vocabulary);

    std::vector<Transcript> lone;
    {
      Rig rig(GetParam().backend, 1);
      const auto model = rig.load(path_, wishes(1, 512, 1, 1));
      Engine engine(*model, nullptr, {.prefix_cache = false});
      for (const Request& request : requests) {
        Transcripts transcripts;
        engine.submit(request, transcripts.sink(0));
        lone.push_back(transcripts.wait(0));
      }
    }

    const int32_t most_threads = 4;
    Rig rig(GetParam().backend, most_threads);
    const int32_t parallel = 1 + int32_t(random() % 5);
    const int32_t batches[] = {1, 3, 16, 37, 64, 200};
    // Drawn one by one: compilers differ in the order of arguments.
    const int32_t batch = std::max(parallel, batches[random() % 6]);
    const int32_t threads = 1 + int32_t(random() % 4);
    const Wishes w = wishes(parallel, batch, threads, 1 + int32_t(random() % 4));
    const auto model = rig.load(path_, w, AccessMode::kMap, [&](Plan& plan) {
      if (random() % 2) return;
      // Room for one request and a little: the others wait, or are preempted as they grow.
      for (size_t g = 0; g < plan.kv_pages.size(); ++g)
        plan.kv_pages[g] = plan.kv_pages[g] / parallel + int32_t(random() % 6);
    });
    Engine engine(*model, nullptr, {.prefix_cache = random() % 4 != 0});
    Transcripts transcripts;
    // Each round twice in another order on the same engine: pages are handed out in new places, prefixes hit.
    for (int repeat = 0; repeat < 2; ++repeat) {
      std::vector<size_t> order(requests.size());
      for (size_t i = 0; i < order.size(); ++i) order[i] = i;
      std::shuffle(order.begin(), order.end(), random);
      for (size_t i : order) {
        if (random() % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(random() % 2000));
        engine.submit(requests[i], transcripts.sink(int(100 * repeat + int(i))));
      }
      for (size_t i : order) {
        SCOPED_TRACE("request " + std::to_string(i));
        const Transcript got = transcripts.wait(100 * repeat + int(i));
        EXPECT_FALSE(got.error) << got.error->what();
        hits += got.started.cached_tokens > 0;
        expect_equal(got, lone[i]);
      }
      if (HasFailure()) return;
    }
    engine.submit(greedy_request({1}, 1), transcripts.sink(999));
    transcripts.wait(999);
    preemptions += engine.stats().preemptions;
  }
  RecordProperty("preemptions", std::to_string(preemptions));
  RecordProperty("prefix_hits", std::to_string(hits));
  if (rounds >= 10) {  // enough rounds to be sure that the hard things happened
    EXPECT_GT(preemptions, 0);
    EXPECT_GT(hits, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Invariance, ::testing::ValuesIn(fuzz_cases()),
                         [](const ::testing::TestParamInfo<FuzzCase>& test) { return test.param.name; });

}  // namespace
}  // namespace vivace::test
