// How a BPE vocabulary cuts text into words before merging: one row per `tokenizer.ggml.pre` name.
#pragma once

#include <string_view>
#include <variant>
#include <vector>

#include "text/tokenizer/regex.h"
#include "text/tokenizer/scanners.h"

namespace vivace {

struct PreSplitRule {
  enum Flag : unsigned {
    kWholeWords = 1,  // a word that is a token as a whole is not merged ("ignore_merges")
    kAddBos = 2,      // the file need not say add_bos_token
    kRaw = 4,         // tokens are plain UTF-8 with U+2581 for spaces and <0xXX> fallback, not byte-level
  };
  std::string_view name;
  const char* const* patterns;  // applied one after the other to the pieces of the one before; ends with nullptr
  unsigned flags;
};

/// The row of a name, or null.
const PreSplitRule* find_pre_split(std::string_view name);

/// The row for files that name none or one that is not known.
const PreSplitRule& default_pre_split();

/// All rows, for tests and lists.
std::vector<const PreSplitRule*> all_pre_splits();

/// A rule made ready to run. Immutable; each thread brings its own scratch.
class PreSplitter {
 public:
  explicit PreSplitter(const PreSplitRule& rule);

  /// Cuts `text`, any bytes: a run of bytes that are not UTF-8 is a piece of its own.
  void split(std::string_view text, Regex::Scratch& scratch, EmitPiece emit) const;

 private:
  using Step = std::variant<Scanner, Regex>;
  void run(size_t step, std::string_view text, size_t offset, Regex::Scratch& scratch, EmitPiece emit) const;
  std::vector<Step> steps_;
};

/// Splits by a regular expression alone, as a PreSplitter without scanners does.
void split_by_regex(const Regex& regex, std::string_view text, Regex::Scratch& scratch, EmitPiece emit);

}  // namespace vivace
