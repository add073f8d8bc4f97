// Chat templates for files that carry none, chosen by the tokens in the vocabulary or by name.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivace {

struct FallbackChoice {
  std::string name;    // "chatml"
  std::string source;  // Jinja
  std::string reason;  // for the user: "the file has no chat template; its vocabulary has <|im_start|> and <|im_end|>"
};

/// The template whose special tokens are all in the vocabulary, or nothing when none fits: then there is no telling,
/// and the user has to name one. `has_token` says whether the vocabulary holds exactly this text as one token. The
/// caller reports name and reason.
std::optional<FallbackChoice> choose_fallback(const std::function<bool(std::string_view)>& has_token);

/// The template of that name, or nothing. Some have no tokens of their own (llama2, vicuna, alpaca) and come only so.
std::optional<FallbackChoice> fallback_by_name(std::string_view name);

/// All names, for messages and help.
std::vector<std::string_view> fallback_names();

}  // namespace vivace
