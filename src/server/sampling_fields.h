// The fields about sampling and length that the dialects share.
#pragma once

#include "server/answer.h"
#include "server/json_fields.h"

namespace vivace {

/// temperature, top_p, top_k, min_p, repeat_penalty, presence_penalty, frequency_penalty, seed, stop, logit_bias as
/// OpenAI, LM Studio and llama-server name them. `most_temperature`: 2 for OpenAI, 1 for others.
void read_sampling_fields(JsonFields& fields, AnswerRequest& request, double most_temperature = 2);

/// top_p; 0 takes the most probable token.
void read_top_p(JsonFields& fields, SamplingOptions& sampling);

/// {"123": -100} or [[123, -100], [45, false]].
void read_logit_bias(JsonFields& fields, Request& request);

/// ttl, context_overflow_policy: ours and LM Studio's.
void read_load_fields(JsonFields& fields, AnswerRequest& request);

}  // namespace vivace
