// The little that streaming needs to know of UTF-8 (RFC 3629).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vivace {

/// Bytes at the end of `text` that are the beginning of a character whose rest is missing: 0 to 3.
size_t incomplete_utf8_tail(std::string_view text);

/// `text` with each maximal broken sequence replaced by U+FFFD, as browsers do.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace vivace
