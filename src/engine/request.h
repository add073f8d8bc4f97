// The waist of the system: what goes into an engine and what comes out. No JSON, no dialects, no terminal text.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace vivace {

using TokenId = int32_t;
using RequestId = uint64_t;

struct SamplingOptions {
  float temperature = 0.8f;  // 0: the most probable token, always
  int32_t top_k = 40;        // 0: all
  float top_p = 0.95f;       // 1: all
  float min_p = 0.05f;       // 0: all
  float repeat_penalty = 1;  // 1: none; over the last repeat_window tokens
  float presence_penalty = 0;
  float frequency_penalty = 0;
  int32_t repeat_window = 64;  // tokens; -1: all
  uint64_t seed = 0;
  std::vector<std::pair<TokenId, float>> logit_bias;
  int32_t logprobs = -1;  // -1: none; n: the token's and the n most probable tokens' log-probabilities
};

struct Request {
  std::vector<TokenId> prompt;  // at least one token
  SamplingOptions sampling;
  int32_t max_tokens = -1;        // to generate; -1: until the context is full
  std::vector<std::string> stop;  // strings that end the answer; they are not part of it
  bool ignore_end = false;        // go on after end-of-generation tokens
};

enum class FinishReason : uint8_t {
  kEnd,            // the model said it is done
  kStopString,     // one of Request::stop
  kMaxTokens,      // Request::max_tokens
  kContextLength,  // the context is full
  kCancelled,
};

/// "end", "stop", "max_tokens", "context_length", "cancelled".
const char* finish_reason_name(FinishReason reason);

struct TokenLogprob {
  TokenId id = 0;
  float logprob = 0;  // natural logarithm, of the distribution before temperature and truncation
};

struct Usage {
  int32_t prompt_tokens = 0;
  int32_t cached_tokens = 0;  // of the prompt, found in the prefix cache
  int32_t generated_tokens = 0;
};

struct Timings {
  double queue_seconds = 0;    // submit to first step
  double prefill_seconds = 0;  // first step to first token
  double decode_seconds = 0;   // first token to last
  /// Prompt tokens computed (not cached) per second; 0 where none.
  double prefill_rate = 0;
  /// Tokens after the first per second; 0 where there are none.
  double decode_rate = 0;
};

struct Started {
  int32_t prompt_tokens = 0;
  int32_t cached_tokens = 0;
};

/// One generated token. `text` is what became certain with it: complete UTF-8 characters that can't begin a stop
/// string; it may be empty and may hold text of earlier tokens.
struct TokenEvent {
  TokenId id = 0;
  std::string text;
  float logprob = 0;              // where Request::sampling.logprobs >= 0
  std::vector<TokenLogprob> top;  // likewise
};

struct Finished {
  FinishReason reason = FinishReason::kEnd;
  std::string text;  // held back until now
  std::string stop_string;
  Usage usage;
  Timings timings;
};

struct Failed {
  Error error;
};

/// The life of a request: Started, TokenEvent*, then Finished or Failed; a request refused at once only fails.
using Event = std::variant<Started, TokenEvent, Finished, Failed>;

/// Called on the engine's thread, in order; must return soon and not throw.
using EventSink = std::function<void(RequestId, const Event&)>;

}  // namespace vivace
