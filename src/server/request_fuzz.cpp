// libFuzzer target: any body is a request or an ApiError, never anything else; any target is a path or none.
#include <cstdint>
#include <string>

#include "net/http_message.h"
#include "server/chat_messages.h"
#include "server/dialects/openai_common.h"
#include "server/sampling_fields.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  vivace::HttpRequest request;
  vivace::parse_target(text, request);
  try {
    const vivace::Json body = vivace::parse_body(text);
    vivace::JsonFields fields(body);
    vivace::openai_chat_request(fields);
  } catch (const vivace::Error&) {
  }
  return 0;
}
