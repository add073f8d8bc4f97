#include "text/answer/answer_format.h"

namespace vivace {

std::vector<std::string_view> AnswerFormat::markers() const {
  std::vector<std::string_view> all = fences;
  for (std::string_view marker : {reasoning_begin, reasoning_end, call_begin, call_end, separator, id_separator}) {
    if (!marker.empty()) all.push_back(marker);
  }
  return all;
}

std::span<const AnswerFormat> answer_formats() {
  static const std::vector<AnswerFormat> kRows = {
      {.name = "harmony",
       .sign = "<|channel|>",
       .reasoning_begin = "",
       .reasoning_end = "",
       .style = CallStyle::kChannels,
       .fences = {"<|start|>", "<|channel|>", "<|message|>", "<|constrain|>", "<|end|>", "<|call|>", "<|return|>"}},
      {.name = "gemma",
       .sign = "<|tool_call>",
       .reasoning_begin = "<|channel>thought",
       .reasoning_end = "<channel|>",
       .style = CallStyle::kNamed,
       .call_begin = "<|tool_call>call:",
       .call_end = "<tool_call|>",
       .lattice_arguments = true,
       .fences = {"<|tool_call>", "<|channel>", "<|\"|>"}},
      {.name = "deepseek",
       .sign = "<｜tool▁calls▁begin｜>",
       .style = CallStyle::kNamed,
       .call_begin = "<｜tool▁call▁begin｜>",
       .call_end = "<｜tool▁call▁end｜>",
       .separator = "<｜tool▁sep｜>",
       .fences = {"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"}},
      {.name = "mistral",
       .sign = "[TOOL_CALLS]",
       .reasoning_begin = "[THINK]",
       .reasoning_end = "[/THINK]",
       .style = CallStyle::kNamed,
       .call_begin = "[TOOL_CALLS]",
       .separator = "[ARGS]",
       .id_separator = "[CALL_ID]"},
      {.name = "granite", .sign = "<|tool_call|>", .call_begin = "<|tool_call|>"},
      {.name = "hermes", .sign = "<tool_call>", .call_begin = "<tool_call>", .call_end = "</tool_call>"},
      {.name = "command-r", .sign = "directly-answer", .call_begin = "Action:", .call_end = "```"},
      {.name = "llama3", .sign = "<|python_tag|>", .style = CallStyle::kBare, .fences = {"<|python_tag|>"}},
      {.name = "llama3", .sign = "\"parameters\": dictionary of argument name", .style = CallStyle::kBare},
      {.name = "generic", .call_begin = "[TOOL_REQUEST]", .call_end = "[END_TOOL_REQUEST]"},
  };
  return kRows;
}

const AnswerFormat& answer_format_of(std::string_view template_source) {
  const std::span<const AnswerFormat> rows = answer_formats();
  for (const AnswerFormat& row : rows) {
    if (template_source.find(row.sign) != std::string_view::npos) return row;
  }
  return rows.back();
}

}  // namespace vivace
