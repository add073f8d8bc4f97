// libFuzzer: the first byte chooses a template, the rest is the JSON of `render --messages`. Only Error may come out.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "text/template/chat_template.h"
#include "text/template/fallback.h"

namespace {

// Reads whatever messages may hold: nested content, tool calls, values of any type through each way of printing.
constexpr std::string_view kCurious = R"({{ bos_token }}{%- for tool in tools or [] %}{{ tool | tojson(indent=2) }}
{%- endfor %}{% for m in messages %}{{ m.role | default('none') }}:{{ loop.index }}
{%- if m.content is string %}{{ m.content | trim | upper }}{{ m.content.split('\n')[-1] }}{{ m['content'][::-1] }}
{%- elif m.content is mapping %}{% for k, v in m.content | items %}{{ k }}={{ v }}{% endfor %}
{%- elif m.content is iterable %}{% for p in m.content %}{{ p.type }}{{ p.text }}{{ p | string | length }}{% endfor %}
{%- elif m.content is number %}{{ m.content + 1 }}{{ m.content | float | round(2) }}{{ m.content | abs }}
{%- else %}{{ m.content }}{% endif %}
{%- for c in m.tool_calls or [] %}{{ c.function.name }}{{ c.function.arguments | tojson }}
{%- for k, v in (c.function.arguments or {}) | dictsort %}{{ k ~ v }}{% endfor %}{% endfor %}{% endfor %}
{%- for m in messages | sort(attribute='role') %}{{ m }}{% endfor %}{{ extra }}{{ enable_thinking }}
{%- if add_generation_prompt %}{{ messages | length }}{{ messages[-1] | tojson }}{% endif %})";

constexpr std::array<std::string_view, 7> kFallbacks = {"chatml",  "llama2", "llama3", "gemma",
                                                        "mistral", "phi3",   "zephyr"};

std::string source_of(unsigned choice) {
  if (choice % 2 == 0) return std::string(kCurious);
  const auto found = vivace::fallback_by_name(kFallbacks[choice / 2 % kFallbacks.size()]);
  return found ? std::string(found->source) : std::string(kCurious);
}

vivace::Json member(const vivace::Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? vivace::Json() : *found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  try {
    vivace::Json input = vivace::parse_json({reinterpret_cast<const char*>(data) + 1, size - 1});
    (void)vivace::parse_json(vivace::dump_json(input), vivace::kMaxJsonDepth);
    if (!input.is_object()) input = vivace::Json{{"messages", input}};
    vivace::TemplateLimits limits;
    limits.fuel = 200'000;
    limits.output_bytes = 1u << 20;
    limits.memory_bytes = 64u << 20;
    const vivace::ChatTemplate chat(source_of(data[0]), "<s>", "</s>", limits);
    (void)chat.render(member(input, "messages"), member(input, "tools"), true, member(input, "extra"),
                      "2025-07-04T09:08:07");
  } catch (const vivace::Error&) {
  }
  return 0;
}
