// What OpenAI's endpoints share.
#pragma once

#include <string>

#include "server/api_error.h"
#include "server/dialect.h"
#include "server/json_fields.h"

namespace vivace {

/// {"error": {"message", "type", "param", "code"}}
HttpResponse openai_error(const Error& error);
Json openai_error_object(const Error& error);

/// Whether the answer is a call of tools, and whole: not cut off inside the last one.
bool ends_in_call(const AnswerChoice& choice);
/// "stop", "length", "tool_calls".
std::string openai_finish_reason(const AnswerChoice& choice);

/// {"prompt_tokens", "completion_tokens", "total_tokens", …}
Json openai_usage(const Answer& answer);

/// Fields of requests for chats: model, messages, tools, sampling, response_format … Throws ApiError.
AnswerRequest openai_chat_request(JsonFields& fields);
/// response_format, and what llama-server and vLLM call json_schema, grammar, guided_regex …
void read_answer_shape(JsonFields& fields, AnswerRequest& request);
/// tools and tool_choice.
void read_tools(JsonFields& fields, AnswerRequest& request);
/// max_tokens and max_completion_tokens; -1 is no limit.
void read_most_tokens(JsonFields& fields, Request& request);
/// stream_options.include_usage
bool wants_usage(JsonFields& fields);
/// reasoning_effort: a level, or "none".
void set_reasoning(AnswerRequest& request, const std::string& effort);

/// The end of a stream that an error breaks off.
std::string openai_stream_failure(const Error& error);

/// An SSE frame: "data: …\n\n".
std::string sse(const Json& json);
/// With "event: …".
std::string sse(std::string_view event, const Json& json);

/// "call_…": an id that clients take for one.
std::string openai_call_id(const ToolCall& call);

/// Adds what LM Studio's older REST API has beside OpenAI's fields: stats, model_info, runtime.
void add_lmstudio_v0(const Answer& answer, Json& json);

void openai_chat(ServerParts& parts, Exchange exchange, bool with_stats);
void openai_completion(ServerParts& parts, Exchange exchange, bool with_stats);
void openai_embeddings(ServerParts& parts, Exchange exchange);

}  // namespace vivace
