#include "server/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>
#include <set>

#include "server/model_pool.h"

namespace vivace {
namespace {

using prometheus::Histogram;
using Labels = prometheus::Labels;

const Histogram::BucketBoundaries kSeconds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120};
const Histogram::BucketBoundaries kGaps = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5};
const Histogram::BucketBoundaries kRates = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000};

double mean_gap(const Finished& finished) {
  return finished.timings.decode_rate > 0 ? 1 / finished.timings.decode_rate : 0;
}

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;

  template <class Builder>
  auto& family(Builder builder, const char* name, const char* help) {
    return builder.Name(name).Help(help).Register(registry);
  }
  prometheus::Family<Histogram>& histogram(const char* name, const char* help) {
    return family(prometheus::BuildHistogram(), name, help);
  }
  prometheus::Family<prometheus::Counter>& counter(const char* name, const char* help) {
    return family(prometheus::BuildCounter(), name, help);
  }
  prometheus::Family<prometheus::Gauge>& gauge(const char* name, const char* help) {
    return family(prometheus::BuildGauge(), name, help);
  }

  prometheus::Family<Histogram>& first_token =
      histogram("vivace_time_to_first_token_seconds", "From the request to the answer's first token");
  prometheus::Family<Histogram>& gap =
      histogram("vivace_inter_token_seconds", "Between two tokens of an answer, the mean of each answer");
  prometheus::Family<Histogram>& queue = histogram("vivace_queue_seconds", "From the request to its first step");
  prometheus::Family<Histogram>& prefill =
      histogram("vivace_prefill_tokens_per_second", "Prompt tokens computed per second, of each answer");
  prometheus::Family<Histogram>& decode =
      histogram("vivace_decode_tokens_per_second", "Tokens generated per second, of each answer");
  prometheus::Family<prometheus::Counter>& answers =
      counter("vivace_answers_total", "Answers by the reason of their end");
  prometheus::Family<prometheus::Counter>& tokens =
      counter("vivace_tokens_total", "Tokens by kind: prompt, cached, generated");
  prometheus::Family<prometheus::Counter>& errors = counter("vivace_errors_total", "Requests that failed, by reason");
  prometheus::Family<prometheus::Counter>& responses = counter("vivace_http_responses_total", "Responses by status");
  prometheus::Family<prometheus::Gauge>& requests =
      gauge("vivace_requests", "Requests of a model by state: running, waiting");
  prometheus::Family<prometheus::Gauge>& pages =
      gauge("vivace_kv_pages", "Pages of a model's KV cache by state: total, free");
  prometheus::Family<prometheus::Gauge>& strained =
      gauge("vivace_memory_strained", "1 while programs wait for memory, and a model keeps no prefixes therefore");
  prometheus::Family<prometheus::Counter>& preemptions =
      counter("vivace_preemptions_total", "Answers that gave their KV pages away and were computed again");
  prometheus::Family<prometheus::Gauge>& memory =
      gauge("vivace_planned_bytes", "Memory of a model by its plan, per device and use");
  prometheus::Family<prometheus::Gauge>& loaded =
      gauge("vivace_model_loaded", "1 for each loaded model, 0 for those that have gone");
  std::mutex mutex;                                               // of text(): what gauges say belongs together
  std::map<std::string, std::set<prometheus::Gauge*>> of_models;  // every gauge that was set, by model

  void set(prometheus::Family<prometheus::Gauge>& of, const std::string& model, Labels labels, double value) {
    labels["model"] = model;
    prometheus::Gauge& gauge_of = of.Add(labels);
    gauge_of.Set(value);
    of_models[model].insert(&gauge_of);
  }
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::answered(const std::string& model, const Finished& finished, double first_token_seconds) {
  const Labels labels = {{"model", model}};
  impl_->first_token.Add(labels, kSeconds).Observe(first_token_seconds);
  impl_->queue.Add(labels, kSeconds).Observe(finished.timings.queue_seconds);
  if (finished.timings.prefill_rate > 0) impl_->prefill.Add(labels, kRates).Observe(finished.timings.prefill_rate);
  if (finished.timings.decode_rate > 0) {
    impl_->decode.Add(labels, kRates).Observe(finished.timings.decode_rate);
    impl_->gap.Add(labels, kGaps).Observe(mean_gap(finished));
  }
  impl_->answers.Add({{"model", model}, {"reason", finish_reason_name(finished.reason)}}).Increment();
  const Usage& usage = finished.usage;
  impl_->tokens.Add({{"model", model}, {"kind", "prompt"}}).Increment(usage.prompt_tokens - usage.cached_tokens);
  impl_->tokens.Add({{"model", model}, {"kind", "cached"}}).Increment(usage.cached_tokens);
  impl_->tokens.Add({{"model", model}, {"kind", "generated"}}).Increment(usage.generated_tokens);
}

void Metrics::failed(const Error& error) { impl_->errors.Add({{"reason", error_code_name(error.code())}}).Increment(); }

void Metrics::responded(int status) { impl_->responses.Add({{"status", std::to_string(status)}}).Increment(); }

std::string Metrics::text(const ModelPool& pool) {
  const std::lock_guard lock(impl_->mutex);
  // What has gone holds nothing.
  for (auto& [model, gauges] : impl_->of_models) {
    for (prometheus::Gauge* gauge : gauges) gauge->Set(0);
  }
  for (const auto& model : pool.loaded()) {
    const EngineStats stats = model->engine->stats();
    impl_->set(impl_->loaded, model->id, {}, 1);
    impl_->set(impl_->requests, model->id, {{"state", "running"}}, stats.running);
    impl_->set(impl_->requests, model->id, {{"state", "waiting"}}, stats.waiting);
    impl_->set(impl_->pages, model->id, {{"state", "total"}}, stats.pages);
    impl_->set(impl_->pages, model->id, {{"state", "free"}}, stats.free_pages);
    impl_->set(impl_->strained, model->id, {}, stats.strained);
    auto& preempted = impl_->preemptions.Add({{"model", model->id}});
    preempted.Increment(std::max(0.0, double(stats.preemptions) - preempted.Value()));
    for (const MemoryLedger& ledger : model->plan().ledgers) {
      const auto bytes = [&](const char* use, size_t size) {
        impl_->set(impl_->memory, model->id, {{"device", ledger.device}, {"use", use}}, double(size));
      };
      bytes("weights", ledger.weights);
      bytes("kv", ledger.kv);
      bytes("activations", ledger.activations);
    }
  }
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace vivace
