// A model's chat template: Jinja text that makes a prompt from messages. Rendered as transformers renders it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/json_fwd.h"

namespace vivace {

/// What one rendering may cost. Templates come from files that nobody vouches for.
struct TemplateLimits {
  std::uint64_t fuel = 4'000'000;           // instructions, or 64 bytes of text made; 32 more a byte of input
  std::uint64_t output_bytes = 64u << 20;   // of the prompt
  std::uint64_t memory_bytes = 512u << 20;  // taken at one time; 16 more for each byte of input
  std::uint64_t milliseconds = 10'000;      // wall clock
  std::uint32_t recursion = 500;            // nested macros, loops and blocks; 500 is the most
};

/// One template with the file's special tokens. Rendering is const and safe from several threads at once.
class ChatTemplate {
 public:
  /// `source`: the template's text, looked at by `render` only. `bos`, `eos`: the text of the special tokens, empty
  /// where the file has none.
  ChatTemplate(std::string source, std::string bos, std::string eos, const TemplateLimits& limits = {});

  /// The prompt, UTF-8. `messages`: an array of objects (role, content, ...); `tools`: an array, or null, which the
  /// template sees as None; `extra`: an object with further variables (enable_thinking, ...) or null, which may replace
  /// the standard ones; `now`: the time for strftime_now as 2025-07-04T09:08:07, default the local time.
  /// Throws Error: kInvalidArgument with the template's own message where it calls raise_exception, where it breaks
  /// over these messages and where it exceeds a limit; kInvalidFile where the text is no template; kOutOfMemory.
  std::string render(const Json& messages, const Json& tools, bool add_generation_prompt, const Json& extra,
                     const std::optional<std::string>& now = std::nullopt) const;

  const std::string& source() const { return source_; }

 private:
  std::string source_;
  std::string bos_;
  std::string eos_;
  TemplateLimits limits_;
  // A rendering that had to be left behind may hold memory: there is no second one.
  mutable std::atomic<bool> stopped_{false};
};

}  // namespace vivace
