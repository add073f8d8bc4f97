#include "engine/output_text.h"

#include <algorithm>

#include "base/utf8.h"

namespace vivace {
namespace {

/// Bytes at the end of `text` that may be the beginning of `stop`.
size_t possible_beginning(std::string_view text, std::string_view stop) {
  for (size_t n = std::min(text.size(), stop.size() - 1); n > 0; --n) {
    if (text.ends_with(stop.substr(0, n))) return n;
  }
  return 0;
}

}  // namespace

OutputText::OutputText(std::vector<std::string> stop) : stop_(std::move(stop)) {
  std::erase_if(stop_, [](const std::string& s) { return s.empty(); });
}

std::string OutputText::push(std::string_view bytes) {
  if (!stopped_by_.empty()) return {};
  held_ += bytes;
  // The stop string that is complete first, of those the longest: the answer doesn't depend on how tokens cut it.
  size_t first = 0, end = std::string::npos;
  for (const std::string& stop : stop_) {
    const size_t at = held_.find(stop);
    if (at == std::string::npos) continue;
    if (at + stop.size() < end || (at + stop.size() == end && at < first)) {
      first = at;
      end = at + stop.size();
      stopped_by_ = stop;
    }
  }
  if (end != std::string::npos) {
    std::string text = replace_invalid_utf8(std::string_view(held_).substr(0, first));
    held_.clear();
    return text;
  }
  size_t hold = incomplete_utf8_tail(held_);
  for (const std::string& stop : stop_) hold = std::max(hold, possible_beginning(held_, stop));
  std::string text = replace_invalid_utf8(std::string_view(held_).substr(0, held_.size() - hold));
  held_.erase(0, held_.size() - hold);
  return text;
}

std::string OutputText::flush() {
  std::string text = replace_invalid_utf8(held_);
  held_.clear();
  return text;
}

}  // namespace vivace
