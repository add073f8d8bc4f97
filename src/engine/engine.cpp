#include "engine/engine.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "base/with_memory.h"
#include "engine/sched/pressure_watch.h"
#include "engine/sched/scheduler.h"
#include "engine/sched/turn_pace.h"
#include "engine/sequence.h"
#include "engine/step.h"

namespace vivace {
namespace {

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

void check_prompt(const Request& request, int32_t vocabulary, int32_t context_length) {
  if (request.prompt.empty()) throw Error(ErrorCode::kInvalidArgument, "the prompt has no tokens");
  for (TokenId id : request.prompt) {
    if (id >= 0 && id < vocabulary) continue;
    throw Error(ErrorCode::kInvalidArgument,
                "token " + std::to_string(id) + " is outside the vocabulary of " + std::to_string(vocabulary));
  }
  if (int32_t(request.prompt.size()) > context_length) {
    throw Error(ErrorCode::kContextOverflow,
                "the prompt has " + std::to_string(request.prompt.size()) + " tokens, the context holds " +
                    std::to_string(context_length),
                "shorten the prompt or load the model with a larger --context-length");
  }
}

/// The vector with a length of 1.
std::vector<float> normalised(std::vector<float> vector) {
  double square = 0;
  for (float value : vector) square += double(value) * value;
  const double factor = square > 0 ? 1 / std::sqrt(square) : 0;
  for (float& value : vector) value = float(value * factor);
  return vector;
}

Timings timings_of(const Sequence& sequence) {
  Timings t;
  const Clock::time_point now = Clock::now();
  t.queue_seconds = seconds_between(sequence.submitted, sequence.started.value_or(now));
  if (!sequence.started || !sequence.first_token) return t;
  t.prefill_seconds = seconds_between(*sequence.started, *sequence.first_token);
  t.decode_seconds = seconds_between(*sequence.first_token, sequence.last_token);
  const int32_t computed = int32_t(sequence.request.prompt.size()) - std::max(0, sequence.cached_tokens);
  if (t.prefill_seconds > 0) t.prefill_rate = computed / t.prefill_seconds;
  if (t.decode_seconds > 0) t.decode_rate = (sequence.generated() - 1) / t.decode_seconds;
  return t;
}

}  // namespace

struct Engine::Impl {
  Impl(const LoadedModel& loaded, const Vocabulary* words, EngineOptions wishes)
      : vocabulary(words), options(std::move(wishes)), own_runner(std::make_unique<StepRunner>(loaded)) {
    start(loaded, *own_runner);
  }

  Impl(ModelSource& from, const Vocabulary* words, EngineOptions wishes)
      : vocabulary(words), options(std::move(wishes)), source(&from) {
    start(from.model(), from.runner());
  }

  void start(const LoadedModel& loaded, StepRunner& with) {
    use(loaded, with);
    vocabulary_size = loaded.card.vocabulary;
    publish_stats();
    thread = std::thread([this] { loop(); });
  }

  void use(const LoadedModel& loaded, StepRunner& with) {
    runner = &with;
    prefix = std::make_unique<PrefixCache>(loaded.plan.kv.groups, with.pools());
    const std::lock_guard lock(mutex);
    context_length = loaded.plan.context_length;
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    wake.notify_all();
    thread.join();
  }

  // ---- the callers' side -------------------------------------------------------------------------------------------

  RequestId submit(Request request, EventSink sink) {
    std::unique_lock lock(mutex);
    const RequestId id = ++last_id;
    std::unique_ptr<Sequence> sequence;
    try {
      if (broken) throw Error(*broken);
      if (waiting_count >= options.most_waiting) {
        throw Error(ErrorCode::kOverloaded, std::to_string(waiting_count) + " requests wait already",
                    "try again later");
      }
      check_prompt(request, vocabulary_size, context_length);
      sequence = std::make_unique<Sequence>(id, std::move(request), sink, vocabulary_size);
    } catch (const Error& error) {
      refused.emplace_back(id, std::move(sink), error);
      lock.unlock();
      wake.notify_all();
      return id;
    }
    waiting.push_back(std::move(sequence));
    ++waiting_count;
    lock.unlock();
    wake.notify_all();
    return id;
  }

  void cancel(RequestId id) {
    const std::lock_guard lock(mutex);
    cancelled.insert(id);
    wake.notify_all();
  }

  // ---- the engine's thread -----------------------------------------------------------------------------------------

  void loop() {
    while (collect()) {
      watch_memory();
      take_turn();
      with_memory([&] { publish_stats(); });
    }
    for (auto& sequence : running) finish(*sequence, FinishReason::kCancelled);
    for (auto& sequence : queue) finish(*sequence, FinishReason::kCancelled);
    running.clear();
    queue.clear();
  }

  /// What goes wrong in a turn ends the requests that run, not the engine.
  void take_turn() {
    try {
      admit();
      if (!running.empty()) turn();
    } catch (const DeviceError& error) {
      fail_all(Error(error.code(), error.device() + ": " + error.what(), error.hint()));
      recover(error);
    } catch (const Error& error) {
      fail_all(error);
    } catch (const std::bad_alloc&) {
      with_memory([&] { fail_all(Error(ErrorCode::kOutOfMemory, "the host has no memory left for a step")); });
    } catch (const std::exception& error) {
      fail_all(Error(ErrorCode::kInternal, std::string("a step failed: ") + error.what()));
    }
  }

  /// Queues what callers have submitted. Under the mutex.
  void take_over() {
    with_memory([&] {
      for (; !waiting.empty(); waiting.pop_front()) queue.push_back(std::move(waiting.front()));
    });
  }

  /// Under the mutex.
  bool has_work() const {
    return stopping || !waiting.empty() || !refused.empty() || !cancelled.empty() || !running.empty() || !queue.empty();
  }

  /// While nobody waits: memory for the next prompts, piece by piece. False: there is enough.
  bool back_memory(std::unique_lock<std::mutex>& lock) {
    lock.unlock();
    const bool backed = runner != nullptr && !pressure.strained() && runner->back_some();
    lock.lock();
    return backed;
  }

  /// The same beside turns, of which one took so long: a twentieth of their time, as the whole at once is a long gap.
  void back_memory_beside(double turn_seconds) {
    constexpr double kShare = 0.05, kMost = 0.05;
    if (pressure.strained()) return;
    backing_seconds = std::min(backing_seconds + kShare * turn_seconds, kMost);
    while (backing_seconds > 0) {
      const Clock::time_point begin = Clock::now();
      if (!runner->back_some()) return;
      backing_seconds -= seconds_between(begin, Clock::now());
    }
  }

  /// A look that finds no memory for itself is tried again.
  void watch_memory() {
    try {
      look_at_memory();
    } catch (const std::bad_alloc&) {
    }
  }

  /// Where programs wait for memory: cached prefixes go, half of them at each look, then requests come in one by one.
  void look_at_memory() {
    const double now = std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
    if (!watches_memory || !pressure.due(now)) return;
    const std::optional<double> stalled = options.memory_stall();
    watches_memory = stalled.has_value();
    pressure.look(now, stalled.value_or(0));
    if (!pressure.strained() || runner == nullptr) return;
    const size_t before = prefix->size();
    bool evicted = true;
    while (prefix->size() > before / 2 && evicted) {
      evicted = false;
      for (size_t g = 0; g < runner->pools().size(); ++g) evicted = prefix->evict(int32_t(g)) || evicted;
    }
    cache_is_spent = prefix->size() == before;
    for (const auto& pool : runner->pools()) pool->give_back_free();
  }

  /// Sleeps until there is work. A cache that nobody asks for goes as well where memory is short.
  void sleep(std::unique_lock<std::mutex>& lock) {
    while (!wake.wait_for(lock, std::chrono::seconds(1), [this] { return has_work(); })) {
      if (!watches_memory || runner == nullptr || (prefix->size() == 0 && !pressure.strained())) break;
      lock.unlock();
      watch_memory();
      with_memory([&] { publish_stats(); });
      lock.lock();
    }
    wake.wait(lock, [this] { return has_work(); });
  }

  /// Takes over what callers left; sleeps while there is nothing to do. False: the engine is closing.
  bool collect() {
    std::vector<std::tuple<RequestId, EventSink, Error>> failures;
    std::set<RequestId> to_cancel;
    bool go_on = true;
    {
      std::unique_lock lock(mutex);
      while (!has_work() && back_memory(lock)) {
      }
      sleep(lock);
      take_over();
      failures.swap(refused);
      to_cancel.swap(cancelled);
      go_on = !stopping;
    }
    for (auto& [id, sink, error] : failures) tell_failure(sink, id, error);
    if (!to_cancel.empty()) {
      end_where([&](const Sequence& sequence) { return to_cancel.contains(sequence.id); }, FinishReason::kCancelled);
    }
    end_overdue();
    return go_on;
  }

  /// Ends what takes longer than its request allows.
  void end_overdue() {
    const Clock::time_point now = Clock::now();
    const auto is_overdue = [&](const Sequence& sequence) {
      const double most = sequence.request.most_seconds;
      return most > 0 && seconds_between(sequence.submitted, now) >= most;
    };
    end_where(is_overdue, FinishReason::kTimeLimit);
  }

  /// Ends the requests of which `leaves` says so. Whoever is told may submit anew at once: the line is counted before.
  template <class Leaves>
  void end_where(const Leaves& leaves, FinishReason reason) {
    std::vector<std::unique_ptr<Sequence>> ended;
    const auto take_from = [&](auto& sequences) {
      const auto count = size_t(std::count_if(sequences.begin(), sequences.end(), [&](auto& s) { return leaves(*s); }));
      if (count == 0) return;
      with_memory([&] { ended.reserve(ended.size() + count); });
      std::erase_if(sequences, [&](std::unique_ptr<Sequence>& sequence) {
        if (!leaves(*sequence)) return false;
        ended.push_back(std::move(sequence));
        return true;
      });
    };
    take_from(running);
    take_from(queue);
    if (ended.empty()) return;
    {
      const std::lock_guard lock(mutex);
      count_waiting();
    }
    for (auto& sequence : ended) finish(*sequence, reason);
  }

  /// Under the mutex.
  void count_waiting() { waiting_count = int32_t(queue.size() + waiting.size()); }

  /// Lets waiting requests in while there are slots and pages for their next step.
  void admit() {
    while (!queue.empty() && int32_t(running.size()) < runner->limits().sequences) {
      if (pressure.strained() && cache_is_spent && !running.empty()) return;
      Sequence& sequence = *queue.front();
      if (int32_t(sequence.tokens.size()) > context_length) {
        fail(sequence, Error(ErrorCode::kContextOverflow, "the model was loaded again, with a context of " +
                                                              std::to_string(context_length) +
                                                              " tokens: too short for this request"));
        queue.pop_front();
        continue;
      }
      PrefixHit hit;
      const bool whole = sequence.request.pooling == Pooling::kMean;  // cached pages have no hidden states
      if (options.prefix_cache && !whole) hit = prefix->find(sequence.tokens, sequence.tables);
      const int32_t end = hit.tokens + std::min(int32_t(sequence.tokens.size()) - hit.tokens, runner->limits().tokens);
      if (!grow(sequence.tables, hit.tokens, end)) {
        runner->release(sequence.tables);
        if (!running.empty()) return;  // pages come back when one of them ends
        fail_no_room(sequence);
        queue.pop_front();
        continue;
      }
      sequence.computed = hit.tokens;
      sequence.chain = hit.chain;
      sequence.cached_pages = hit.tokens / kPageTokens;
      if (sequence.cached_tokens < 0) {
        sequence.cached_tokens = hit.tokens;
        sequence.started = Clock::now();
        cached_tokens += hit.tokens;
        sequence.sink(sequence.id, Started{int32_t(sequence.request.prompt.size()), hit.tokens});
      }
      running.push_back(std::move(queue.front()));
      queue.pop_front();
    }
  }

  /// As StepRunner::grow, taking pages back from the prefix cache where the pool is dry.
  bool grow(PageTables& tables, int32_t begin, int32_t end) {
    while (!runner->grow(tables, begin, end)) {
      bool evicted = false;
      for (size_t g = 0; g < runner->pools().size(); ++g) {
        if (runner->pools()[g]->free_pages() == 0) evicted = prefix->evict(int32_t(g)) || evicted;
      }
      if (!evicted) return false;
    }
    return true;
  }

  /// Room for a share's tokens; the youngest other sequence gives its pages back and queues again where there is none.
  bool make_room(Sequence& sequence, int32_t tokens) {
    while (!grow(sequence.tables, sequence.computed, sequence.computed + tokens)) {
      if (running.back().get() == &sequence) return false;
      preempt();
    }
    return true;
  }

  void preempt() {
    Sequence& youngest = *running.back();
    runner->release(youngest.tables);
    youngest.pooled.clear();
    youngest.computed = 0;  // it computes its tokens again, to the same bits
    queue.push_front(std::move(running.back()));
    running.pop_back();
    ++preemptions;
  }

  void turn() {
    const auto pools = [](const auto& sequence) { return sequence->request.pooling != Pooling::kNone; };
    const auto pooling = std::find_if(running.begin(), running.end(), pools);
    // Hidden states and logits are not computed in one step: they take turns.
    pool_next = pooling != running.end() && (pool_next || std::all_of(running.begin(), running.end(), pools));
    if (pool_next) {
      pool_turn(**pooling);
    } else {
      answer_turn();
    }
    pool_next = !pool_next;
  }

  /// A part of a prompt whose hidden states are pooled.
  void pool_turn(Sequence& sequence) {
    const bool mean = sequence.request.pooling == Pooling::kMean;
    const StepLimits& limits = runner->limits();
    const int32_t tokens = std::min(sequence.pending(), mean ? std::min(limits.tokens, limits.outputs) : limits.tokens);
    if (!make_room(sequence, tokens)) {
      if (running.size() > 1) return preempt();
      fail_no_room(sequence);
      return running.clear();
    }
    const bool last = tokens == sequence.pending();
    const std::span<const TokenId> all(sequence.tokens);
    const StepSequence part{all.subspan(size_t(sequence.computed), size_t(tokens)), sequence.computed, &sequence.tables,
                            mean ? tokens : int32_t(last)};
    runner->run({&part, 1}, StepResult::kHidden);
    ++steps;
    prompt_tokens += tokens;
    for (int32_t row = 0; row < part.outputs; ++row) {
      const std::span<const float> hidden = runner->hidden(row);
      sequence.pooled.resize(hidden.size());
      for (size_t i = 0; i < hidden.size(); ++i) sequence.pooled[i] += hidden[i];
    }
    sequence.computed += tokens;
    if (last) {
      finish(sequence, FinishReason::kEnd);
      std::erase_if(running, [](const auto& other) { return other->ended; });
    }
  }

  void answer_turn() {
    std::vector<SchedulerEntry> entries;
    for (const auto& sequence : running) {
      const bool prefill = sequence->pending() > 1 || sequence->generated() == 0;
      const bool pooled = sequence->request.pooling != Pooling::kNone;
      entries.push_back({pooled ? 0 : sequence->pending(), prefill});
    }
    std::vector<TurnShare> shares =
        plan_turn(entries, runner->limits().tokens, pace.prompt_tokens(runner->limits().tokens));
    // Older sequences get their pages first; those that had to leave on the way take no part.
    std::sort(shares.begin(), shares.end(), [](const TurnShare& a, const TurnShare& b) { return a.index < b.index; });
    std::vector<TurnShare> ready;
    for (const TurnShare& share : shares) {
      if (share.index >= int32_t(running.size())) break;
      if (make_room(*running[share.index], share.tokens)) {
        ready.push_back(share);
      } else if (running.size() == 1) {
        fail_no_room(*running.front());  // nobody's end would bring it more pages
        running.clear();
        return;
      } else {
        preempt();
        break;
      }
    }
    if (!ready.empty()) compute(ready);
  }

  void compute(const std::vector<TurnShare>& shares) {
    std::vector<StepSequence> step;
    for (const TurnShare& share : shares) {
      const Sequence& sequence = *running[share.index];
      const std::span<const TokenId> tokens(sequence.tokens);
      const bool last_chunk = share.tokens == sequence.pending();
      step.push_back({tokens.subspan(size_t(sequence.computed), size_t(share.tokens)), sequence.computed,
                      &sequence.tables, last_chunk ? 1 : 0});
    }
    const Clock::time_point begin = Clock::now();
    runner->run(step);
    ++steps;
    int32_t read = 0;
    for (const TurnShare& share : shares) read += share.tokens > 1 ? share.tokens : 0;
    const double seconds = seconds_between(begin, Clock::now());
    pace.took(read, seconds);
    prompt_tokens += read;
    int32_t row = 0;
    for (const TurnShare& share : shares) {
      Sequence& sequence = *running[share.index];
      sequence.computed += share.tokens;
      remember_pages(sequence);
      if (sequence.pending() == 0) {
        next_token(sequence, runner->logits(row++));
      } else if (sequence.generated() == 0) {
        sequence.sink(sequence.id, PromptProgress{sequence.computed, int32_t(sequence.request.prompt.size())});
      }
    }
    std::erase_if(running, [&](const auto& sequence) { return sequence->ended; });
    back_memory_beside(seconds);
  }

  void remember_pages(Sequence& sequence) {
    if (!options.prefix_cache || pressure.strained()) return;
    const std::span<const TokenId> tokens(sequence.tokens);
    while ((sequence.cached_pages + 1) * kPageTokens <= sequence.computed) {
      const auto page = tokens.subspan(size_t(sequence.cached_pages) * kPageTokens, kPageTokens);
      sequence.chain = prefix->insert(sequence.chain, page, sequence.cached_pages, sequence.tables);
      ++sequence.cached_pages;
    }
  }

  /// Samples and reports the next token; the request may end with it.
  void next_token(Sequence& sequence, std::span<const float> logits) {
    const int32_t limit = sequence.request.max_tokens;
    if (limit == 0) return finish(sequence, FinishReason::kMaxTokens);
    Sampled sampled;
    try {
      sampled = choose(sequence, logits);
    } catch (const Error& error) {
      return fail(sequence, error);
    }
    ++generated_tokens;
    sequence.last_token = Clock::now();
    if (!sequence.first_token) sequence.first_token = sequence.last_token;
    sequence.tokens.push_back(sampled.id);
    const bool end = vocabulary && !sequence.request.ignore_end && vocabulary->is_end(sampled.id);
    TokenEvent event{sampled.id, {}, sampled.logprob, sampled.top};
    const std::vector<TokenId>& shown = sequence.request.shown;
    const bool control = std::find(shown.begin(), shown.end(), sampled.id) != shown.end();
    if (vocabulary && (!end || control)) event.text = sequence.text.push(vocabulary->piece(sampled.id, control));
    sequence.sink(sequence.id, event);
    if (end) return finish(sequence, FinishReason::kEnd);
    if (!sequence.text.stopped_by().empty()) return finish(sequence, FinishReason::kStopString);
    if (limit > 0 && sequence.generated() >= limit) return finish(sequence, FinishReason::kMaxTokens);
    if (int32_t(sequence.tokens.size()) >= context_length) {
      finish(sequence, FinishReason::kContextLength);
    }
  }

  /// The next token, of those that the request's constraint allows. Mostly the model wants such a one anyhow: to ask of
  /// one token costs a small part of asking which may come.
  Sampled choose(Sequence& sequence, std::span<const float> logits) {
    Sampled wanted = sequence.sampler.sample(logits, sequence.tokens);
    TokenConstraint* constraint = sequence.request.constraint.get();
    if (constraint == nullptr || constraint->take(wanted.id)) return wanted;
    Sampled sampled = sequence.sampler.sample(logits, sequence.tokens, constraint->allowed());
    if (!constraint->take(sampled.id))
      throw Error(ErrorCode::kInvalidArgument, "no token of the model goes on with the answer's format");
    return sampled;
  }

  /// Gives the pages back and reports the end.
  void finish(Sequence& sequence, FinishReason reason) {
    runner->release(sequence.tables);
    sequence.ended = true;
    try {
      sequence.sink(sequence.id, finished_of(sequence, reason));
    } catch (const std::bad_alloc&) {
      with_memory(
          [&] { fail(sequence, Error(ErrorCode::kOutOfMemory, "the host has no memory for the answer's end")); });
    }
  }

  Finished finished_of(Sequence& sequence, FinishReason reason) {
    Finished finished;
    finished.reason = reason;
    finished.text = sequence.text.flush();
    finished.embedding = normalised(std::move(sequence.pooled));
    finished.stop_string = sequence.text.stopped_by();
    finished.usage = {int32_t(sequence.request.prompt.size()), std::max(0, sequence.cached_tokens),
                      sequence.generated()};
    finished.timings = timings_of(sequence);
    return finished;
  }

  void fail(Sequence& sequence, const Error& error) {
    runner->release(sequence.tables);
    sequence.ended = true;
    tell_failure(sequence.sink, sequence.id, error);
  }

  static void tell_failure(const EventSink& sink, RequestId id, const Error& error) {
    with_memory([&] { sink(id, Failed{error}); });
  }

  void fail_no_room(Sequence& sequence) {
    fail(sequence, Error(ErrorCode::kOutOfMemory, "the KV cache has no room for this request",
                         "load the model with a larger --context-length or fewer --parallel"));
  }

  /// A step that failed leaves no pages to trust: its requests end, the engine goes on.
  void fail_all(const Error& error) {
    for (auto& sequence : running) {
      if (!sequence->ended) fail(*sequence, error);
    }
    for (auto& sequence : queue) runner->release(sequence->tables);  // of one that was about to come in
    running.clear();
    prefix->clear();
  }

  /// Loads the model with less of the device, or without it. What waits for a slot is computed then; where nothing can
  /// be loaded, it fails, as does all that comes later.
  void recover(const DeviceError& error) {
    if (source == nullptr) return;
    for (auto& sequence : queue) runner->release(sequence->tables);
    prefix.reset();
    try {
      source->recover(error);
      use(source->model(), source->runner());
    } catch (const Error& again) {
      give_up(again);
    } catch (const std::exception& again) {
      give_up(Error(ErrorCode::kInternal, again.what()));
    }
  }

  void give_up(const Error& error) {
    {
      const std::lock_guard lock(mutex);
      broken = std::make_unique<Error>(error);
      take_over();
    }
    for (auto& sequence : queue) tell_failure(sequence->sink, sequence->id, error);
    queue.clear();
    runner = nullptr;
  }

  void publish_stats() {
    const std::lock_guard lock(mutex);
    published.running = int32_t(running.size());
    count_waiting();
    published.steps = steps;
    published.preemptions = preemptions;
    published.strained = pressure.strained();
    published.prompt_tokens = prompt_tokens;
    published.cached_tokens = cached_tokens;
    published.generated_tokens = generated_tokens;
    if (runner == nullptr) return;
    published.free_pages = runner->pools().empty() ? 0 : runner->pools().front()->free_pages();
    for (const auto& pool : runner->pools()) {
      if (pool->free_pages() > published.free_pages) continue;
      published.free_pages = pool->free_pages();
      published.pages = pool->pages();
    }
  }

  const Vocabulary* vocabulary;
  EngineOptions options;
  ModelSource* source = nullptr;
  int32_t vocabulary_size = 0;

  // The engine's thread only.
  std::unique_ptr<StepRunner> own_runner;          // without a source
  StepRunner* runner = nullptr;                    // null where nothing could be loaded again
  std::unique_ptr<PrefixCache> prefix;             // after the runner: gives its pages back first
  std::deque<std::unique_ptr<Sequence>> queue;     // waiting for a slot, preempted ones in front
  std::vector<std::unique_ptr<Sequence>> running;  // oldest first
  int64_t steps = 0, preemptions = 0, prompt_tokens = 0, cached_tokens = 0, generated_tokens = 0;
  double backing_seconds = 0;  // that may go into backing memory
  bool pool_next = false;      // whether the next turn is one of hidden states
  TurnPace pace{options.turn_seconds};
  PressureWatch pressure;
  bool watches_memory = true;   // the system says how long programs wait
  bool cache_is_spent = false;  // while it strains, no prefix is left to let go of

  mutable std::mutex mutex;  // guards what follows
  std::condition_variable wake;
  std::deque<std::unique_ptr<Sequence>> waiting;
  std::vector<std::tuple<RequestId, EventSink, Error>> refused;
  std::set<RequestId> cancelled;
  RequestId last_id = 0;
  int32_t context_length = 0;
  std::unique_ptr<Error> broken;  // why no request can be computed any more
  bool stopping = false;
  int32_t waiting_count = 0;
  EngineStats published;

  std::thread thread;
};

Engine::Engine(const LoadedModel& model, const Vocabulary* vocabulary, EngineOptions options)
    : impl_(std::make_unique<Impl>(model, vocabulary, std::move(options))) {}

Engine::Engine(ModelSource& source, const Vocabulary* vocabulary, EngineOptions options)
    : impl_(std::make_unique<Impl>(source, vocabulary, std::move(options))) {}

Engine::~Engine() = default;

RequestId Engine::submit(Request request, EventSink sink) { return impl_->submit(std::move(request), std::move(sink)); }

void Engine::cancel(RequestId id) { impl_->cancel(id); }

EngineStats Engine::stats() const {
  const std::lock_guard lock(impl_->mutex);
  EngineStats stats = impl_->published;
  stats.waiting = impl_->waiting_count;
  return stats;
}

const char* finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kEnd:
      return "end";
    case FinishReason::kStopString:
      return "stop";
    case FinishReason::kMaxTokens:
      return "max_tokens";
    case FinishReason::kContextLength:
      return "context_length";
    case FinishReason::kCancelled:
      return "cancelled";
    case FinishReason::kTimeLimit:
      return "time_limit";
  }
  return "end";
}

Finished run_request(Engine& engine, Request request, const std::function<bool(const Event&)>& on_event) {
  struct Channel {
    std::mutex mutex;
    std::condition_variable arrived;
    std::deque<Event> events;
  };
  // Shared with the sink: events may still arrive while this function leaves with an exception.
  const auto channel = std::make_shared<Channel>();
  const RequestId id = engine.submit(std::move(request), [channel](RequestId, const Event& event) {
    const std::lock_guard lock(channel->mutex);
    channel->events.push_back(event);
    channel->arrived.notify_one();
  });
  for (;;) {
    std::unique_lock lock(channel->mutex);
    channel->arrived.wait(lock, [&] { return !channel->events.empty(); });
    const Event event = std::move(channel->events.front());
    channel->events.pop_front();
    lock.unlock();
    if (!on_event(event)) engine.cancel(id);
    if (const auto* finished = std::get_if<Finished>(&event)) return *finished;
    if (const auto* failed = std::get_if<Failed>(&event)) throw failed->error;
  }
}

}  // namespace vivace
