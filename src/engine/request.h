// The waist of the system: what goes into an engine and what comes out. No JSON, no dialects, no terminal text.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
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

/// What an answer must keep to, such as a grammar. One object serves one request; called on the engine's thread.
class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;
  /// The tokens that may come next, a bit each, the lowest first: [(vocabulary + 31) / 32]. Valid until the next call.
  /// Throws Error for what no token can go on from.
  virtual std::span<const uint32_t> allowed() = 0;
  /// Takes a token where it may come next; false: it may not, and nothing has changed.
  virtual bool take(TokenId id) = 0;
};

/// What is made of a prompt's hidden states instead of an answer.
enum class Pooling : uint8_t {
  kNone,  // an answer
  kMean,  // over the tokens
  kLast,  // the last token's
};

struct Request {
  std::vector<TokenId> prompt;  // at least one token
  SamplingOptions sampling;
  int32_t max_tokens = -1;                           // to generate; -1: until the context is full
  std::vector<std::string> stop;                     // strings that end the answer; they are not part of it
  bool ignore_end = false;                           // go on after end-of-generation tokens
  std::vector<TokenId> shown;                        // control tokens whose text is part of the answer
  std::shared_ptr<TokenConstraint> constraint = {};  // null: none
  Pooling pooling = Pooling::kNone;
  double most_seconds = 0;  // from submit to the end; 0: any time
};

enum class FinishReason : uint8_t {
  kEnd,            // the model said it is done
  kStopString,     // one of Request::stop
  kMaxTokens,      // Request::max_tokens
  kContextLength,  // the context is full
  kCancelled,
  kTimeLimit,  // Request::most_seconds
};

/// "end", "stop", "max_tokens", "context_length", "cancelled", "time_limit".
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

/// A part of a prompt that took more than one step was computed.
struct PromptProgress {
  int32_t done = 0;  // tokens, cached ones included
  int32_t total = 0;
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
  std::vector<float> embedding;  // [embedding] of length 1, where Request::pooling asked for it
  std::string text;              // held back until now
  std::string stop_string;
  Usage usage;
  Timings timings;
};

struct Failed {
  Error error;
};

/// The life of a request: Started, PromptProgress*, TokenEvent*, then Finished or Failed; a request refused at once
/// only fails.
using Event = std::variant<Started, PromptProgress, TokenEvent, Finished, Failed>;

/// Called on the engine's thread, in order; must return soon and not throw.
using EventSink = std::function<void(RequestId, const Event&)>;

}  // namespace vivace
