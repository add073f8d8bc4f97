// Many requests on one model: continuous batching over paged KV with prefix reuse. One thread of its own runs the
// turns.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/os/memory_pressure.h"
#include "engine/loaded_model.h"
#include "engine/model_source.h"
#include "engine/request.h"
#include "engine/vocabulary.h"

namespace vivace {

struct EngineOptions {
  bool prefix_cache = true;
  int32_t most_waiting = 1 << 20;  // requests; further ones are refused with kOverloaded
  /// While answers are generated, a turn reads no more of other prompts than takes this long: what a reader may wait
  /// for the next word. 0: any time.
  double turn_seconds = 0.19;
  /// Seconds that programs have waited for memory; see base/os/memory_pressure.h. Tests say other ones.
  std::function<std::optional<double>()> memory_stall = [] { return memory_stall_seconds(); };
};

struct EngineStats {
  int32_t waiting = 0;  // requests
  int32_t running = 0;
  int32_t free_pages = 0;  // of the fullest pool
  int64_t steps = 0;
  int64_t preemptions = 0;
  bool strained = false;  // the machine is short of memory: no prefixes are kept, requests come in one by one
  int32_t pages = 0;      // of the fullest pool
  int64_t prompt_tokens = 0, cached_tokens = 0, generated_tokens = 0;
};

/// Thread-safe. `model` and `vocabulary` (null: no text, no end tokens) must outlive the engine.
class Engine {
 public:
  /// Allocates the KV cache and activations by the model's plan and starts the thread. Throws Error kOutOfMemory.
  Engine(const LoadedModel& model, const Vocabulary* vocabulary, EngineOptions options = {});
  /// Runs the model that the source has loaded; where a GPU fails, the requests that run end with the error, the source
  /// loads again, and the engine goes on. Nobody else uses the source meanwhile.
  Engine(ModelSource& source, const Vocabulary* vocabulary, EngineOptions options = {});
  /// Cancels what is running and joins the thread.
  ~Engine();

  /// Queues a request; its events arrive at `sink` on the engine's thread. A request that can never run (no tokens, ids
  /// outside the vocabulary, a prompt longer than the context, options out of range) gets a Failed event.
  RequestId submit(Request request, EventSink sink);
  /// Ends a request within one turn: Finished with kCancelled. Unknown or finished ids are ignored.
  void cancel(RequestId id);

  EngineStats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Submits, hands each event to `on_event` on the calling thread and returns at the end. `on_event` returns false to
/// cancel. Throws the Error of a Failed event.
Finished run_request(Engine& engine, Request request, const std::function<bool(const Event&)>& on_event);

}  // namespace vivace
