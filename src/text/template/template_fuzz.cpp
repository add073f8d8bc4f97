// libFuzzer: any bytes as a template over a fixed conversation. Only Error may come out.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "text/template/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const vivace::Json messages = vivace::parse_json(
      R"([{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"\u00fc"}]},
          {"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":{"a":[1,2.5,null]}}}]}])");
  vivace::TemplateLimits limits;
  limits.fuel = 20'000;
  limits.output_bytes = 1u << 20;
  limits.memory_bytes = 64u << 20;
  const vivace::ChatTemplate chat(std::string(reinterpret_cast<const char*>(data), size), "<s>", "</s>", limits);
  try {
    (void)chat.render(messages, nullptr, true, nullptr, "2025-07-04T09:08:07");
  } catch (const vivace::Error&) {
  }
  return 0;
}
