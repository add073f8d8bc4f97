// How a family of models writes what is not plain answer: its reasoning and its calls of tools. A row each.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace vivace {

enum class CallStyle {
  kObjects,  // JSON {"name": …, "arguments": …}, or a list of them, behind a marker
  kBare,     // the same as the whole answer, without any marker
  kNamed,    // name, separator, JSON arguments
  kChannels  // gpt-oss: every part of the answer has a header that says where it goes
};

struct AnswerFormat {
  std::string_view name = {};
  std::string_view sign = {};  // stands in chat templates of this family alone; empty: in any
  std::string_view reasoning_begin = "<think>";
  std::string_view reasoning_end = "</think>";
  CallStyle style = CallStyle::kObjects;
  std::string_view call_begin = {};           // "": never
  std::string_view call_end = {};             // "": the arguments' end is the call's
  std::string_view separator = {};            // kNamed: between name and arguments
  std::string_view id_separator = {};         // kNamed: between name and the call's id, where there is one
  bool lattice_arguments = false;             // kNamed: {key:<|"|>text<|"|>} instead of JSON
  std::vector<std::string_view> fences = {};  // markers that say nothing by themselves

  /// Every marker, for tokens whose text must not be hidden.
  std::vector<std::string_view> markers() const;
};

/// The rows in the order in which they are tried; the last one fits every template.
std::span<const AnswerFormat> answer_formats();

/// The format of the models that a chat template is for.
const AnswerFormat& answer_format_of(std::string_view template_source);

}  // namespace vivace
