// Hand-written scanners for the pre-split patterns that most vocabularies use, and for those that a backtracking
// matcher would run in quadratic time. Each does exactly what its pattern does; the tests compare the two.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/function_ref.h"

namespace vivace {

/// Receives the pieces [begin, end) of a text in order, without holes and never empty.
using EmitPiece = FunctionRef<void(size_t begin, size_t end)>;

/// Splits valid UTF-8: every match of the scanner's pattern is a piece, and so is what lies between two matches.
using Scanner = void (*)(std::string_view text, EmitPiece emit);

/// The scanner that stands for this pattern, or null.
Scanner find_scanner(std::string_view pattern);

/// Patterns that have a scanner.
namespace patterns {
#define VIVACE_CONTRACTION "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
#define VIVACE_UPPERISH "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define VIVACE_LOWERISH "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
inline constexpr char kGpt2[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
inline constexpr char kLlama3[] = VIVACE_CONTRACTION
    "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
inline constexpr char kQwen2[] = VIVACE_CONTRACTION
    "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
inline constexpr char kLlama3AnyDigits[] = VIVACE_CONTRACTION
    "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}+| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
inline constexpr char kQwen2NoContractions[] =
    "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
inline constexpr char kQwen35[] = VIVACE_CONTRACTION
    "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
inline constexpr char kGpt4o[] = "[^\\r\\n\\p{L}\\p{N}]?" VIVACE_UPPERISH "*" VIVACE_LOWERISH "+" VIVACE_CONTRACTION
                                 "?|[^\\r\\n\\p{L}\\p{N}]?" VIVACE_UPPERISH "+" VIVACE_LOWERISH "*" VIVACE_CONTRACTION
                                 "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
inline constexpr char kTekken[] =
    "[^\\r\\n\\p{L}\\p{N}]?" VIVACE_UPPERISH "*" VIVACE_LOWERISH "+|[^\\r\\n\\p{L}\\p{N}]?" VIVACE_UPPERISH
    "+" VIVACE_LOWERISH "*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
inline constexpr char kJais2[] = VIVACE_CONTRACTION
    "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
    "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s{512}(?!\\S)|\\s{256}(?!\\S)|"
    "\\s{128}(?!\\S)|\\s{64}(?!\\S)|\\s{32}(?!\\S)|\\s{16}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s{1}";
inline constexpr char kDigit[] = "\\p{N}";
inline constexpr char kThreeDigits[] = "\\p{N}{1,3}";
inline constexpr char kDigitRun[] = "\\p{N}+";
inline constexpr char kNewlines[] = "[^\\n]+|[\\n]+";
inline constexpr char kTrailingSpaces[] = "\\s+$";
/// Groups of three digits counted from the right.
inline constexpr char kDigitsFromRight[] = "\\p{N}{1,3}(?=(?:\\p{N}{3})*(?!\\p{N}))";
/// The same where no letter follows the number.
inline constexpr char kDigitsFromRightAlone[] = "\\d{1,3}(?=(?:\\d{3})*\\b)";
/// Cuts before each group of three digits counted from the right (a split at matches of (?=(\d{3})+(?!\d))).
inline constexpr char kCutDigitsFromRight[] = ".+?(?=(?:\\d{3})+(?!\\d))|.+";
}  // namespace patterns

}  // namespace vivace
