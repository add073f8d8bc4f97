// Whole models: golden logits, SmolLM2 against its truth, small cards, failing calls.
#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/model_source.h"
#include "engine/score.h"
#include "gpu_check/checks.h"
#include "gpu_check/conformance_files.h"
#include "models/model_file.h"

namespace vivace::gpu_check {
namespace {

namespace fs = std::filesystem;
constexpr size_t kMiB = size_t{1} << 20;

/// The CPU and some devices made of the one that is checked.
struct Split {
  explicit Split(const Setup& setup, const DevicePretence& pretence = {}) : pool(*setup.pool) {
    DeviceOptions options;
    options.pretence = pretence;
    options.threads = pool.size();
    for (int i = 0; i < pretence.devices; ++i) options.chosen.push_back(numbered(setup.device, i));
    devices = open_devices(options, pool);
    for (const auto& device : devices) pointers.push_back(device.get());
    host.physical_cores = host.logical_cores = pool.size();
  }

  /// "cuda0" and 2: "cuda2".
  static std::string numbered(const std::string& device, int i) {
    return i == 0 ? device : device.substr(0, device.find_first_of("0123456789")) + std::to_string(i);
  }

  ModelSource source(const fs::path& path, Wishes wishes) {
    GgufFile file = open_model_file(path);
    ModelCard card = read_model_card(file);
    wishes.devices_named = true;
    return ModelSource(std::move(file), std::move(card), pointers, host, pool, std::move(wishes),
                       [this](const std::string& note) { notes.push_back(note); });
  }

  ThreadPool& pool;
  HostFacts host;
  std::vector<std::unique_ptr<Device>> devices;
  std::vector<Device*> pointers;
  std::vector<std::string> notes;
};

Wishes score_wishes(int32_t tokens, int32_t batch, Format kv, std::optional<int32_t> layers) {
  Wishes wishes;
  wishes.context_length = tokens;
  wishes.batch_size = batch;
  wishes.outputs = batch;
  wishes.kv_format = kv;
  if (layers) {
    wishes.gpu_layers.emplace();
    wishes.gpu_layers->count = *layers;
  }
  return wishes;
}

std::vector<float> logits_of(ModelSource& source, const std::vector<TokenId>& tokens) {
  std::vector<float> logits;
  score_tokens(source.model(), source.runner(), tokens,
               [&](int32_t, std::span<const float> row) { logits.insert(logits.end(), row.begin(), row.end()); });
  return logits;
}

double worst_of(const std::vector<float>& logits, const std::vector<float>& golden) {
  if (logits.size() != golden.size()) return INFINITY;
  double worst = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double error = std::fabs(double(logits[i]) - golden[i]);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

void check_golden_model(Split& split, const fs::path& folder, Section& section) {
  const std::string text = read_text(folder / "case.json"), name = folder.filename().string();
  const std::vector<double> ids = json_numbers(text, "tokens").at(0);
  const std::vector<TokenId> tokens(ids.begin(), ids.end());
  const std::vector<float> golden = read_array<float>(folder / "logits.f32");
  const int32_t n = int32_t(tokens.size());
  for (Format kv : {Format::kF32, Format::kF16}) {
    const double bound = json_number(text, kv == Format::kF32 ? "max_abs_err" : "max_abs_err_f16_kv");
    for (int32_t batch : {1, 7, n}) {
      for (std::optional<int32_t> layers : {std::optional<int32_t>(), std::optional<int32_t>(1)}) {
        ModelSource source = split.source(folder / "model.gguf", score_wishes(n, batch, kv, layers));
        source.load();
        const double worst = worst_of(logits_of(source, tokens), golden);
        section.expect(worst <= bound, name + ", " + format_row(kv).name + " cache, steps of " + std::to_string(batch) +
                                           (layers ? ", split" : "") + ": off by " + std::to_string(worst));
      }
    }
  }
}

/// Divergence from the truth over its 32 best tokens, both renormalised; natural logs.
double divergence(const float* logprobs, const int32_t* ids, const float* logits) {
  double p_sum = 0, q_sum = 0, sum = 0, p[32], q[32];
  for (int i = 0; i < 32; ++i) {
    p_sum += p[i] = std::exp(double(logprobs[i]));
    q_sum += q[i] = std::exp(double(logits[ids[i]]) - logits[ids[0]]);
  }
  for (int i = 0; i < 32; ++i) sum += p[i] / p_sum * std::log(p[i] / p_sum / (q[i] / q_sum));
  return sum;
}

class Truth {
 public:
  explicit Truth(const Setup& setup) : folder_(setup.conformance / "real") {
    tokens_ = read_array<TokenId>(folder_ / "smollm2.tokens.i32");
    tokens_.resize(std::min<size_t>(tokens_.size(), setup.thorough ? tokens_.size() : 24));
    ids_ = read_array<int32_t>(folder_ / "smollm2.topk_ids.i32");
    logprobs_ = read_array<float>(folder_ / "smollm2.topk_logprobs.f32");
    const std::string text = read_text(folder_ / "smollm2.greedy.json");
    prompts_ = json_numbers(text, "prompt_ids");
    generated_ = json_numbers(text, "generated_ids");
    margins_ = json_numbers(text, "margins");
    if (!setup.thorough) prompts_.resize(1);
  }

  int32_t context() const { return std::max<int32_t>(512, int32_t(tokens_.size())); }

  /// Checks the text and the greedy answers, and that the text gives the same bits again.
  void check(ModelSource& source, Section& section, const std::string& what) const {
    constexpr double kPeer = 0.0027;  // llama.cpp's, conformance/README.md
    const std::vector<float> logits = logits_of(source, tokens_);
    const size_t vocabulary = size_t(source.card().vocabulary), n = tokens_.size();
    double kl = 0, squares = 0;
    for (size_t i = 0; i < n; ++i) {
      const double d = divergence(&logprobs_[i * 32], &ids_[i * 32], &logits[i * vocabulary]);
      kl += d / double(n);
      squares += d * d / double(n);
    }
    const double noise = 3 * std::sqrt(std::max(0.0, squares - kl * kl) / double(n));
    section.expect(kl <= 1.08 * kPeer + noise, what + ": divergence " + std::to_string(kl));
    section.expect(logits_of(source, tokens_) == logits, what + ": other bits the second time");
    for (size_t p = 0; p < prompts_.size(); ++p) check_answer(source, p, section, what);
  }

 private:
  void check_answer(ModelSource& source, size_t p, Section& section, const std::string& what) const {
    std::vector<TokenId> tokens(prompts_[p].begin(), prompts_[p].end());
    for (double id : generated_[p]) tokens.push_back(TokenId(id));
    score_tokens(source.model(), source.runner(), tokens, [&](int32_t position, std::span<const float> row) {
      const int64_t at = int64_t{position} + 1 - int64_t(prompts_[p].size());
      if (at < 0 || at >= int64_t(generated_[p].size()) || margins_[p][size_t(at)] < 0.4) return;
      const int64_t best = std::max_element(row.begin(), row.end()) - row.begin();
      section.expect(best == int64_t(generated_[p][size_t(at)]),
                     what + ": prompt " + std::to_string(p) + ", answer token " + std::to_string(at));
    });
  }

  fs::path folder_;
  std::vector<TokenId> tokens_;
  std::vector<int32_t> ids_;
  std::vector<float> logprobs_;
  std::vector<std::vector<double>> prompts_, generated_, margins_;
};

bool has_truth(const Setup& setup, Section& section) {
  std::error_code ignored;
  if (fs::exists(setup.model, ignored) && fs::exists(setup.conformance / "real" / "smollm2.greedy.json", ignored)) {
    return true;
  }
  section.skip("SmolLM2 or its truth is not here");
  return false;
}

/// An answer of four tokens, or nothing where the request failed.
std::vector<TokenId> answer_of(Engine& engine) {
  Request request;
  request.prompt = {1, 4093, 198, 1780};
  request.max_tokens = 4;
  request.sampling.temperature = 0;
  std::vector<TokenId> ids;
  try {
    run_request(engine, std::move(request), [&](const Event& event) {
      if (const auto* token = std::get_if<TokenEvent>(&event)) ids.push_back(token->id);
      return true;
    });
  } catch (const Error&) {
    ids.clear();
  }
  return ids;
}

Wishes small_wishes() {
  Wishes wishes;
  wishes.context_length = 128;
  wishes.batch_size = 16;
  return wishes;
}

/// Loads and asks twice. False: no fault struck.
bool survive(const Setup& setup, const std::string& faults, const std::vector<TokenId>& right, Section& section) {
  DevicePretence pretence;
  pretence.faults = parse_device_faults(faults);
  std::unique_ptr<Split> split;
  std::optional<ModelSource> source;
  try {
    split = std::make_unique<Split>(setup, pretence);
    source.emplace(split->source(setup.model, small_wishes()));
    source->load();
  } catch (const Error& error) {
    section.expect(error.code() == ErrorCode::kOutOfMemory || error.code() == ErrorCode::kDeviceLost,
                   faults + ": " + error.what());
    return true;
  }
  const bool gave_way = !split->notes.empty();
  Engine engine(*source, nullptr);
  const std::vector<TokenId> first = answer_of(engine), second = answer_of(engine);
  section.expect(first.empty() || first == right, faults + ": a wrong answer");
  section.expect(second == right || (second.empty() && !first.empty()), faults + ": no right answer afterwards");
  return gave_way || first.empty() || second.empty();
}

}  // namespace

void check_golden(const Setup& setup, Section& section) {
  std::error_code ignored;
  if (!fs::is_directory(setup.conformance / "models", ignored)) return section.skip("no conformance models");
  Split split(setup);
  std::set<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(setup.conformance / "models")) {
    if (fs::exists(entry.path() / "case.json")) folders.insert(entry.path());
  }
  for (const fs::path& folder : folders) {
    try {
      read_model_card(open_model_file(folder / "model.gguf"));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnsupported) throw;
      section.skip(folder.filename().string() + ": " + error.what());
      continue;
    }
    check_golden_model(split, folder, section);
  }
}

void check_splits(const Setup& setup, Section& section) {
  if (!has_truth(setup, section)) return;
  const Truth truth(setup);
  const auto wishes = [&](int32_t layers) { return score_wishes(truth.context(), 64, Format::kF16, layers); };
  Split split(setup);
  const int32_t layers = int32_t(read_model_card(open_model_file(setup.model)).layers.size());
  std::set<int32_t> counts{1, 5, layers / 3, layers / 2, 2 * layers / 3, layers - 1, layers};
  for (int32_t n = 0; setup.thorough && n <= layers; ++n) counts.insert(n);
  for (int32_t count : counts) {
    for (bool kv_on_gpu : {true, false}) {
      if (!kv_on_gpu && count != layers && !setup.thorough) continue;
      Wishes wish = wishes(count);
      wish.kv_on_gpu = kv_on_gpu;
      ModelSource source = split.source(setup.model, wish);
      source.load();
      truth.check(source, section, std::to_string(count) + " layers" + (kv_on_gpu ? "" : ", the cache in host memory"));
    }
  }
  DevicePretence three;
  three.devices = 3;
  Split devices(setup, three);
  ModelSource source = devices.source(setup.model, wishes(layers));
  source.load();
  truth.check(source, section, "three devices");
}

void check_memory(const Setup& setup, Section& section) {
  if (!has_truth(setup, section)) return;
  std::vector<TokenId> right;
  int32_t before = 0;
  const size_t step = (setup.thorough ? 10 : 40) * kMiB;
  for (size_t memory = 0; memory <= 200 * kMiB; memory += step) {
    DevicePretence pretence;
    pretence.memory[setup.device] = memory;
    Split split(setup, pretence);
    ModelSource source = split.source(setup.model, small_wishes());
    source.load();
    const std::string what = std::to_string(memory / kMiB) + " MiB";
    const size_t allocated = split.devices[1]->allocated_bytes();
    const int32_t count = gpu_layers_of(source.plan(), source.devices());
    section.expect(allocated <= memory, what + ": more than the budget");
    section.expect(allocated == source.plan().ledgers[1].total(), what + ": not what was predicted");
    section.expect(count >= before, what + ": fewer layers with more memory");
    before = count;
    Engine engine(source, nullptr);
    const std::vector<TokenId> answer = answer_of(engine);
    if (right.empty()) right = answer;
    section.expect(answer == right && !answer.empty(), what + ": another answer");
  }
}

void check_faults(const Setup& setup, Section& section) {
  if (!has_truth(setup, section)) return;
  std::vector<TokenId> right;
  {
    Split split(setup);
    ModelSource source = split.source(setup.model, small_wishes());
    source.load();
    Engine engine(source, nullptr);
    right = answer_of(engine);
    section.expect(right.size() == 4, "no answer without faults");
  }
  const int most = setup.thorough ? 1000 : 3;
  for (const char* call : {"allocate", "map", "submit", "wait"}) {
    for (int nth = 1; nth <= most && survive(setup, std::string(call) + ":" + std::to_string(nth), right, section);) {
      ++nth;
    }
  }
}

}  // namespace vivace::gpu_check
