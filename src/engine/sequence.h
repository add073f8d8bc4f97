// One request while it runs: its tokens, its pages, its sampler and its clock.
#pragma once

#include <chrono>
#include <optional>

#include "engine/kv/prefix_cache.h"
#include "engine/output_text.h"
#include "engine/request.h"
#include "engine/sample/sampler.h"

namespace vivace {

using Clock = std::chrono::steady_clock;

struct Sequence {
  Sequence(RequestId request_id, Request wish, EventSink event_sink, int32_t vocabulary)
      : id(request_id),
        request(std::move(wish)),
        sink(std::move(event_sink)),
        sampler(request.sampling, vocabulary),
        text(request.stop),
        tokens(request.prompt) {}

  RequestId id;
  Request request;
  EventSink sink;
  Sampler sampler;
  OutputText text;
  std::vector<TokenId> tokens;  // prompt and what was generated
  int32_t computed = 0;         // positions whose keys and values are in the pages
  PageTables tables;
  std::vector<float> pooled;   // sum or last of the hidden states, where they are pooled
  bool ended = false;          // its last event is out
  uint64_t chain = 0;          // of the pages given to the prefix cache
  int32_t cached_pages = 0;    // how many those are
  int32_t cached_tokens = -1;  // of the prompt, found at the first admission; -1: not admitted yet
  Clock::time_point submitted = Clock::now();
  std::optional<Clock::time_point> started, first_token;
  Clock::time_point last_token;

  int32_t pending() const { return int32_t(tokens.size()) - computed; }
  int32_t generated() const { return int32_t(tokens.size() - request.prompt.size()); }
};

}  // namespace vivace
