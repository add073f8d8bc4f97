// llama.cpp's grammars (GBNF) in Lark's words.
#pragma once

#include <string>
#include <string_view>

namespace vivace {

/// Whether a text looks like GBNF: rules with "::=".
bool is_gbnf(std::string_view text);

/// The same grammar for llguidance; "root" becomes "start". Throws Error kInvalidArgument, naming the line, for what is
/// no GBNF.
std::string lark_of_gbnf(std::string_view text);

}  // namespace vivace
