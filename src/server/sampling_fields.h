// The fields about sampling and length that the dialects share.
#pragma once

#include "server/answer.h"
#include "server/json_fields.h"

namespace vivace {

/// What a dialect takes at most; as it stands, OpenAI's.
struct SamplingLimits {
  double temperature = 2;
  double penalty = 2;  // of presence_penalty and frequency_penalty, also below 0
};

/// temperature, top_p, top_k, min_p, repeat_penalty, presence_penalty, frequency_penalty, seed, stop, logit_bias as
/// OpenAI, LM Studio and llama-server name them.
void read_sampling_fields(JsonFields& fields, AnswerRequest& request, const SamplingLimits& limits = {});

/// top_p; 0 takes the most probable token.
void read_top_p(JsonFields& fields, SamplingOptions& sampling);

/// {"123": -100} or [[123, -100], [45, false]].
void read_logit_bias(JsonFields& fields, Request& request);

/// ttl, context_overflow_policy: ours and LM Studio's.
void read_load_fields(JsonFields& fields, AnswerRequest& request);

}  // namespace vivace
