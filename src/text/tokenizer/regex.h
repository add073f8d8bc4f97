// Regular expressions on valid UTF-8; the only user of PCRE2.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace vivace {

/// A compiled pattern with Unicode properties; `\s` and `\S` mean the White_Space property exactly, which PCRE2's own
/// do not (U+180E). Immutable and safe to share between threads; matching needs one Scratch per thread.
class Regex {
 public:
  /// Throws Error(kInternal) when the pattern does not compile: patterns are ours, never a file's.
  explicit Regex(std::string_view pattern);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  class Scratch {
   public:
    Scratch();
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

   private:
    friend class Regex;
    struct State;
    std::unique_ptr<State> state_;
  };

  struct Match {
    size_t begin = 0;
    size_t end = 0;
  };

  /// The first match at or after `from` in `subject`, which must be valid UTF-8. Throws Error(kInvalidArgument) when
  /// the text is too much for the matcher.
  bool find(std::string_view subject, size_t from, Scratch& scratch, Match& match) const;

 private:
  struct Code;
  std::unique_ptr<Code> code_;
};

}  // namespace vivace
