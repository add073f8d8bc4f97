// The table of fallback templates: one row each, the more specific ones first.
#include "text/template/fallback.h"

#include <array>
#include <cstddef>

namespace vivace {
namespace {

constexpr std::size_t kMaxTokens = 4;

struct Row {
  std::string_view name;
  std::array<std::string_view, kMaxTokens> tokens;  // all must be there; none: by name only
  std::array<std::string_view, 2> absent;           // none may be there
  std::string_view body;                            // uses text(message) of the prelude
};

// What all rows share. They have no form for tools, images or unknown roles and say so.
constexpr std::string_view kPrelude = R"({%- macro text(m) -%}
  {%- if m.content is string -%}
    {{- m.content -}}
  {%- elif m.content is iterable and m.content is not mapping -%}
    {%- for part in m.content -%}
      {%- if part.text is not string -%}
        {{- raise_exception('this chat template takes text only') -}}
      {%- endif -%}
      {{- part.text -}}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
{%- if tools -%}
  {{- raise_exception('the fallback chat template of this model has no form for tools') -}}
{%- endif -%}
{%- for m in messages -%}
  {%- if m.role not in ['system', 'user', 'assistant'] -%}
    {{- raise_exception('the fallback chat template of this model has no form for the role ' ~ m.role) -}}
  {%- endif -%}
{%- endfor -%}
)";

constexpr Row kRows[] = {
    {"llama4",
     {"<|header_start|>", "<|header_end|>", "<|eot|>"},
     {},
     R"({{- bos_token -}}
{%- for m in messages -%}
  {{- '<|header_start|>' ~ m.role ~ '<|header_end|>\n\n' ~ text(m) ~ '<|eot|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|header_start|>assistant<|header_end|>\n\n' -}}{%- endif -%}
)"},
    {"llama3",
     {"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"},
     {},
     R"({{- bos_token -}}
{%- for m in messages -%}
  {{- '<|start_header_id|>' ~ m.role ~ '<|end_header_id|>\n\n' ~ text(m).strip() ~ '<|eot_id|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}{%- endif -%}
)"},
    {"harmony",
     {"<|start|>", "<|message|>", "<|channel|>", "<|return|>"},
     {},
     R"({%- for m in messages -%}
  {{- '<|start|>' ~ m.role ~ ('<|channel|>final' if m.role == 'assistant' else '') ~ '<|message|>' ~ text(m) ~ '<|end|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|start|>assistant' -}}{%- endif -%}
)"},
    {"granite",
     {"<|start_of_role|>", "<|end_of_role|>"},
     {},
     R"({%- for m in messages -%}
  {{- '<|start_of_role|>' ~ m.role ~ '<|end_of_role|>' ~ text(m) ~ '<|end_of_text|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|start_of_role|>assistant<|end_of_role|>' -}}{%- endif -%}
)"},
    {"command-r",
     {"<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>"},
     {},
     R"({{- bos_token -}}
{%- set names = {'system': '<|SYSTEM_TOKEN|>', 'user': '<|USER_TOKEN|>', 'assistant': '<|CHATBOT_TOKEN|>'} -%}
{%- for m in messages -%}
  {{- '<|START_OF_TURN_TOKEN|>' ~ names[m.role] ~ text(m).strip() ~ '<|END_OF_TURN_TOKEN|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' -}}{%- endif -%}
)"},
    {"deepseek",
     {"<｜User｜>", "<｜Assistant｜>"},
     {},
     R"({{- bos_token -}}
{%- for m in messages -%}
  {%- if m.role == 'system' -%}{{- text(m) -}}
  {%- elif m.role == 'user' -%}{{- '<｜User｜>' ~ text(m) -}}
  {%- else -%}{{- '<｜Assistant｜>' ~ text(m) ~ eos_token -}}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<｜Assistant｜>' -}}{%- endif -%}
)"},
    {"gemma4",
     {"<|turn>", "<turn|>"},
     {},
     R"({{- bos_token -}}
{%- for m in messages -%}
  {{- '<|turn>' ~ ('model' if m.role == 'assistant' else m.role) ~ '\n' ~ text(m).strip() ~ '<turn|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|turn>model\n' -}}{%- endif -%}
)"},
    {"gemma",
     {"<start_of_turn>", "<end_of_turn>"},
     {},
     R"({{- bos_token -}}
{%- set ns = namespace(system='') -%}
{%- for m in messages -%}
  {%- if m.role == 'system' -%}
    {%- set ns.system = ns.system ~ text(m).strip() ~ '\n\n' -%}
  {%- else -%}
    {{- '<start_of_turn>' ~ ('model' if m.role == 'assistant' else 'user') ~ '\n' -}}
    {%- if m.role == 'user' -%}{{- ns.system -}}{%- set ns.system = '' -%}{%- endif -%}
    {{- text(m).strip() ~ '<end_of_turn>\n' -}}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<start_of_turn>model\n' -}}{%- endif -%}
)"},
    {"phi4",
     {"<|im_start|>", "<|im_sep|>", "<|im_end|>"},
     {},
     R"({%- for m in messages -%}
  {{- '<|im_start|>' ~ m.role ~ '<|im_sep|>' ~ text(m) ~ '<|im_end|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant<|im_sep|>' -}}{%- endif -%}
)"},
    {"chatml",
     {"<|im_start|>", "<|im_end|>"},
     {},
     R"({%- for m in messages -%}
  {{- '<|im_start|>' ~ m.role ~ '\n' ~ text(m) ~ '<|im_end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}
)"},
    {"glm4",
     {"[gMASK]", "<sop>", "<|user|>", "<|assistant|>"},
     {},
     R"({{- '[gMASK]<sop>' -}}
{%- for m in messages -%}
  {{- '<|' ~ m.role ~ '|>\n' ~ text(m) -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|assistant|>\n' -}}{%- endif -%}
)"},
    {"phi3",
     {"<|user|>", "<|assistant|>", "<|end|>"},
     {},
     R"({%- for m in messages -%}
  {{- '<|' ~ m.role ~ '|>\n' ~ text(m) ~ '<|end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|assistant|>\n' -}}{%- endif -%}
)"},
    {"exaone",
     {"[|user|]", "[|assistant|]", "[|endofturn|]"},
     {},
     R"({%- for m in messages -%}
  {{- '[|' ~ m.role ~ '|]' ~ text(m) ~ ('\n' if m.role == 'user' else '[|endofturn|]\n') -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '[|assistant|]' -}}{%- endif -%}
)"},
    {"zephyr",
     {"<|system|>", "<|user|>", "<|assistant|>"},
     {"<|end|>", "[gMASK]"},
     R"({%- for m in messages -%}
  {{- '<|' ~ m.role ~ '|>\n' ~ text(m) ~ eos_token ~ '\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|assistant|>\n' -}}{%- endif -%}
)"},
    {"mistral-v7",
     {"[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"},
     {},
     R"({{- bos_token -}}
{%- for m in messages -%}
  {%- if m.role == 'system' -%}{{- '[SYSTEM_PROMPT]' ~ text(m) ~ '[/SYSTEM_PROMPT]' -}}
  {%- elif m.role == 'user' -%}{{- '[INST]' ~ text(m) ~ '[/INST]' -}}
  {%- else -%}{{- text(m) ~ eos_token -}}
  {%- endif -%}
{%- endfor -%}
)"},
    {"mistral",
     {"[INST]", "[/INST]"},
     {"[SYSTEM_PROMPT]"},
     R"({{- bos_token -}}
{%- set ns = namespace(system='') -%}
{%- for m in messages -%}
  {%- if m.role == 'system' -%}{%- set ns.system = text(m) ~ '\n\n' -%}
  {%- elif m.role == 'user' -%}{{- '[INST] ' ~ ns.system ~ text(m) ~ '[/INST]' -}}{%- set ns.system = '' -%}
  {%- else -%}{{- ' ' ~ text(m).strip() ~ eos_token -}}
  {%- endif -%}
{%- endfor -%}
)"},
    {"llama2",
     {},
     {},
     R"({%- set ns = namespace(system='') -%}
{%- for m in messages -%}
  {%- if m.role == 'system' -%}{%- set ns.system = '<<SYS>>\n' ~ text(m) ~ '\n<</SYS>>\n\n' -%}
  {%- elif m.role == 'user' -%}{{- bos_token ~ '[INST] ' ~ ns.system ~ text(m).strip() ~ ' [/INST]' -}}{%- set ns.system = '' -%}
  {%- else -%}{{- ' ' ~ text(m).strip() ~ ' ' ~ eos_token -}}
  {%- endif -%}
{%- endfor -%}
)"},
    {"vicuna",
     {},
     {},
     R"({{- bos_token -}}
{%- for m in messages -%}
  {%- if m.role == 'system' -%}{{- text(m) ~ '\n\n' -}}
  {%- elif m.role == 'user' -%}{{- 'USER: ' ~ text(m) ~ '\n' -}}
  {%- else -%}{{- 'ASSISTANT: ' ~ text(m) ~ eos_token ~ '\n' -}}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- 'ASSISTANT:' -}}{%- endif -%}
)"},
    {"alpaca",
     {},
     {},
     R"({{- bos_token -}}
{%- for m in messages -%}
  {%- if m.role == 'system' -%}{{- text(m) ~ '\n\n' -}}
  {%- elif m.role == 'user' -%}{{- '### Instruction:\n' ~ text(m) ~ '\n\n' -}}
  {%- else -%}{{- '### Response:\n' ~ text(m) ~ eos_token ~ '\n\n' -}}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '### Response:\n' -}}{%- endif -%}
)"},
};

FallbackChoice choice(const Row& row, std::string reason) {
  return {std::string(row.name), std::string(kPrelude) + std::string(row.body), std::move(reason)};
}

bool fits(const Row& row, const std::function<bool(std::string_view)>& has_token) {
  if (row.tokens[0].empty()) return false;
  for (const std::string_view token : row.tokens) {
    if (!token.empty() && !has_token(token)) return false;
  }
  for (const std::string_view token : row.absent) {
    if (!token.empty() && has_token(token)) return false;
  }
  return true;
}

std::string listed(const Row& row) {
  std::size_t count = 0;
  while (count < kMaxTokens && !row.tokens[count].empty()) ++count;
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text += i + 1 == count ? " and " : ", ";
    text += row.tokens[i];
  }
  return text;
}

}  // namespace

std::optional<FallbackChoice> choose_fallback(const std::function<bool(std::string_view)>& has_token) {
  for (const Row& row : kRows) {
    if (fits(row, has_token)) {
      return choice(row, "the file has no chat template; its vocabulary has " + listed(row));
    }
  }
  return std::nullopt;
}

std::optional<FallbackChoice> fallback_by_name(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return choice(row, "named by the user");
  }
  return std::nullopt;
}

std::vector<std::string_view> fallback_names() {
  std::vector<std::string_view> names;
  for (const Row& row : kRows) names.push_back(row.name);
  return names;
}

}  // namespace vivace
