// Hand-written scanners for the pre-split patterns that most vocabularies use, and for those that a backtracking
// matcher would run in quadratic time. Each does exactly what its pattern does; the tests compare the two.
#include "text/tokenizer/scanners.h"

#include <algorithm>

#include "text/tokenizer/unicode.h"

namespace vivace {
namespace {

// The text with the class of the character at a byte position.
class View {
 public:
  explicit View(std::string_view text) : data_(text.data()), size_(text.size()), classes_(CharClassTable::instance()) {}

  size_t size() const { return size_; }
  char operator[](size_t at) const { return data_[at]; }

  struct Char {
    uint8_t bits;
    uint32_t length;
  };
  Char at(size_t position) const {
    const CodePoint c = decode_valid(data_ + position);
    return {classes_[c.value], c.length};
  }
  uint32_t code_point(size_t position) const { return decode_valid(data_ + position).value; }

  /// End of the run of characters from `from` that have any of the bits.
  size_t run(size_t from, uint8_t any) const {
    while (from < size_) {
      const Char c = at(from);
      if ((c.bits & any) == 0) break;
      from += c.length;
    }
    return from;
  }
  /// End of the run of characters that have none of the bits.
  size_t run_without(size_t from, uint8_t none) const {
    while (from < size_) {
      const Char c = at(from);
      if ((c.bits & none) != 0) break;
      from += c.length;
    }
    return from;
  }
  size_t run_of(size_t from, std::string_view bytes) const {
    while (from < size_ && bytes.find(data_[from]) != std::string_view::npos) ++from;
    return from;
  }
  size_t back(size_t from) const { return previous_start(data_, from); }

 private:
  const char* data_;
  size_t size_;
  const CharClassTable& classes_;
};

// Length of 's 't 'm 'd 're 've 'll at `at`, or 0.
template <bool kIgnoreCase>
size_t contraction(const View& view, size_t at) {
  if (view[at] != '\'' || at + 1 >= view.size()) return 0;
  const auto letter = [&](size_t i) -> char {
    const char c = view[i];
    return kIgnoreCase && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  const char a = letter(at + 1);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
  if (at + 2 >= view.size()) return 0;
  const char b = letter(at + 2);
  return (a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l') ? 3 : 0;
}

bool is_newline(char c) { return c == '\r' || c == '\n'; }

// \s+(?!\S)|\s+ on the run [at, end) of white space.
size_t spaces_end(const View& view, size_t at, size_t end) {
  if (end == view.size()) return end;
  const size_t last = view.back(end);
  return last > at ? last : end;
}

// \s*[\r\n]+|\s+(?!\S)|\s+ on the run [at, end) of white space.
size_t lines_or_spaces_end(const View& view, size_t at, size_t end) {
  for (size_t i = end; i > at; --i) {
    if (is_newline(view[i - 1])) return i;
  }
  return spaces_end(view, at, end);
}

void scan_gpt2(std::string_view text, EmitPiece emit) {
  const View view(text);
  for (size_t at = 0, end; at < view.size(); at = end) {
    end = at + contraction<false>(view, at);
    if (end == at) {
      const size_t word = at + (view[at] == ' ' && at + 1 < view.size() ? 1 : 0);
      const uint8_t bits = view.at(word).bits;
      if ((bits & kLetter) != 0) {
        end = view.run(word, kLetter);
      } else if ((bits & kNumber) != 0) {
        end = view.run(word, kNumber);
      } else if ((bits & kSpace) == 0) {
        end = view.run_without(word, kSpace | kLetter | kNumber);
      } else {
        end = spaces_end(view, at, view.run(at, kSpace));
      }
    }
    emit(at, end);
  }
}

// The tail that the newer patterns share:  ?[^\s\p{L}\p{N}]+[tail]*|\s*[\r\n]+|\s+(?!\S)|\s+
size_t symbols_or_spaces_end(const View& view, size_t at, uint8_t not_symbol, std::string_view tail) {
  const size_t word = at + (view[at] == ' ' ? 1 : 0);
  if (word < view.size() && (view.at(word).bits & not_symbol) == 0) {
    return view.run_of(view.run_without(word, not_symbol), tail);
  }
  return lines_or_spaces_end(view, at, view.run(at, kSpace));
}

size_t digits_end(const View& view, size_t at, int most) {
  for (int i = 0; i < most && at < view.size(); ++i) {
    const View::Char c = view.at(at);
    if ((c.bits & kNumber) == 0) break;
    at += c.length;
  }
  return at;
}

template <uint8_t kWord, bool kContractions, int kMostDigits>
void scan_llama3(std::string_view text, EmitPiece emit) {
  const View view(text);
  for (size_t at = 0, end; at < view.size(); at = end) {
    end = at + (kContractions ? contraction<true>(view, at) : 0);
    if (end == at) {
      const View::Char c = view.at(at);
      const size_t next = at + c.length;
      if ((c.bits & kWord) != 0) {
        end = view.run(next, kWord);
      } else if ((c.bits & kNumber) != 0) {
        end = digits_end(view, at, kMostDigits);
      } else if (!is_newline(view[at]) && next < view.size() && (view.at(next).bits & kWord) != 0) {
        end = view.run(next, kWord);
      } else {
        end = symbols_or_spaces_end(view, at, kSpace | kNumber | kWord, "\r\n");
      }
    }
    emit(at, end);
  }
}

// \s{512}(?!\S)|\s{256}(?!\S)|…|\s{4}(?!\S)|\s{1,2}(?!\S) over and over, on the run [at, end) of white space without
// line ends. Stops before the last character where something follows, as that may belong to it.
size_t emit_powers_of_spaces(const View& view, size_t at, size_t end, EmitPiece emit) {
  size_t count = 0;
  for (size_t i = at; i < end; i += view.at(i).length) ++count;
  if (end < view.size()) --count;
  while (count > 0) {
    size_t take = 512;
    while (take > count) take /= 2;
    size_t next = at;
    for (size_t i = 0; i < take; ++i) next += view.at(next).length;
    emit(at, next);
    at = next;
    count -= take;
  }
  return at;
}

// The words of scan_llama3 with white space in powers of two.
void scan_jais2(std::string_view text, EmitPiece emit) {
  const View view(text);
  for (size_t at = 0; at < view.size();) {
    size_t end = at + contraction<true>(view, at);
    if (end == at) {
      const View::Char c = view.at(at);
      const size_t next = at + c.length;
      if ((c.bits & kLetter) != 0) {
        end = view.run(next, kLetter);
      } else if ((c.bits & kNumber) != 0) {
        end = digits_end(view, at, 3);
      } else if (!is_newline(view[at]) && next < view.size() && (view.at(next).bits & kLetter) != 0) {
        end = view.run(next, kLetter);
      } else {
        end = symbols_or_spaces_end(view, at, kSpace | kNumber | kLetter, "\r\n");
        if ((c.bits & kSpace) != 0 && (view.at(view.back(end)).bits & kSpace) != 0 && !is_newline(view[end - 1])) {
          at = emit_powers_of_spaces(view, at, view.run(at, kSpace), emit);
          if (at >= end) continue;
        }
      }
    }
    emit(at, end);
    at = end;
  }
}

bool is_upperish(uint8_t bits) { return (bits & (kLetter | kMark)) != 0 && (bits & kLower) == 0; }
bool is_lowerish(uint8_t bits) { return (bits & (kLetter | kMark)) != 0 && (bits & kUpper) == 0; }

// Upperish* Lowerish+ from `at`: the end, or `at`. `upper_end` becomes the end of the Upperish run.
size_t cased_word_end(const View& view, size_t at, size_t& upper_end) {
  size_t end = at;  // after the last character that is both
  size_t position = at;
  while (position < view.size()) {
    const View::Char c = view.at(position);
    if (!is_upperish(c.bits)) break;
    position += c.length;
    if (is_lowerish(c.bits)) end = position;
  }
  upper_end = position;
  bool any = false;
  while (position < view.size()) {
    const View::Char c = view.at(position);
    if (!is_lowerish(c.bits)) break;
    position += c.length;
    any = true;
  }
  return any ? position : end;
}

template <bool kContractions, int kMostDigits>
void scan_gpt4o(std::string_view text, EmitPiece emit) {
  const View view(text);
  for (size_t at = 0, end; at < view.size(); at = end) {
    const View::Char c = view.at(at);
    const bool may_lead = !is_newline(view[at]) && (c.bits & (kLetter | kNumber)) == 0;
    const size_t inner = at + c.length;
    size_t led_upper = inner, bare_upper = at;
    end = may_lead ? cased_word_end(view, inner, led_upper) : inner;
    if (end == inner) end = cased_word_end(view, at, bare_upper);  // `inner` doubles as "no match" of the led form
    if (end == at && led_upper > inner) end = led_upper;
    if (end == at) end = bare_upper;
    if (end > at) {
      if (kContractions && end < view.size()) end += contraction<true>(view, end);
    } else if ((c.bits & kNumber) != 0) {
      end = digits_end(view, at, kMostDigits);
    } else {
      end = symbols_or_spaces_end(view, at, kSpace | kLetter | kNumber, "\r\n/");
    }
    emit(at, end);
  }
}

// Matches are runs of numbers cut to at most kMost characters; what lies between is one piece.
template <int kMost>
void scan_digits(std::string_view text, EmitPiece emit) {
  const View view(text);
  for (size_t at = 0, end; at < view.size(); at = end) {
    end = view.run_without(at, kNumber);
    if (end == at) end = digits_end(view, at, kMost);
    emit(at, end);
  }
}

void scan_newlines(std::string_view text, EmitPiece emit) {
  for (size_t at = 0, end; at < text.size(); at = end) {
    end = text[at] == '\n' ? text.find_first_not_of('\n', at) : text.find('\n', at);
    if (end == std::string_view::npos) end = text.size();
    emit(at, end);
  }
}

void scan_trailing_spaces(std::string_view text, EmitPiece emit) {
  const View view(text);
  size_t cut = view.size();
  // $ also matches before a final newline, which is white space itself and so never matters.
  while (cut > 0) {
    const size_t before = view.back(cut);
    if ((view.at(before).bits & kSpace) == 0) break;
    cut = before;
  }
  if (cut > 0) emit(0, cut);
  if (cut < view.size()) emit(cut, view.size());
}

// Emits [begin, end), `count` digits of which each is one character, in groups of three from the right.
void emit_groups(const View& view, size_t begin, size_t end, size_t count, EmitPiece emit) {
  size_t group = count % 3 == 0 ? 3 : count % 3;
  for (size_t at = begin; at < end; group = 3) {
    size_t next = at;
    for (size_t i = 0; i < group; ++i) next += view.at(next).length;
    emit(at, next);
    at = next;
  }
}

void scan_digits_from_right(std::string_view text, EmitPiece emit) {
  const View view(text);
  for (size_t at = 0, end; at < view.size(); at = end) {
    end = view.run_without(at, kNumber);
    if (end > at) {
      emit(at, end);
      continue;
    }
    size_t count = 0;
    for (end = at; end < view.size(); ++count) {
      const View::Char c = view.at(end);
      if ((c.bits & kNumber) == 0) break;
      end += c.length;
    }
    emit_groups(view, at, end, count, emit);
  }
}

// Next run [begin, end) of decimal digits from `from`; begin == size when there is none.
size_t decimal_run(const View& view, size_t from, size_t& end, size_t& count) {
  while (from < view.size() && !is_decimal_digit(view.code_point(from))) from += view.at(from).length;
  count = 0;
  for (end = from; end < view.size() && is_decimal_digit(view.code_point(end)); ++count) end += view.at(end).length;
  return from;
}

void scan_digits_from_right_alone(std::string_view text, EmitPiece emit) {
  const View view(text);
  size_t done = 0;
  for (size_t at = 0; at < view.size();) {
    size_t end, count;
    const size_t begin = decimal_run(view, at, end, count);
    const bool alone = end == view.size() || ((view.at(end).bits & (kLetter | kNumber)) == 0 && view[end] != '_');
    if (count > 0 && alone) {
      if (begin > done) emit(done, begin);
      emit_groups(view, begin, end, count, emit);
      done = end;
    }
    at = end;
  }
  if (done < view.size()) emit(done, view.size());
}

void scan_cut_digits_from_right(std::string_view text, EmitPiece emit) {
  const View view(text);
  size_t done = 0;
  for (size_t at = 0; at < view.size();) {
    size_t end, count;
    size_t position = decimal_run(view, at, end, count);
    for (; count > 0; --count, position += view.at(position).length) {
      if (count % 3 == 0 && position > done) {
        emit(done, position);
        done = position;
      }
    }
    at = end;
  }
  if (done < view.size()) emit(done, view.size());
}

struct Row {
  std::string_view pattern;
  Scanner scanner;
};

constexpr int kAnyNumber = 1 << 30;

constexpr Row kRows[] = {
    {patterns::kGpt2, scan_gpt2},
    {patterns::kLlama3, scan_llama3<kLetter, true, 3>},
    {patterns::kQwen2, scan_llama3<kLetter, true, 1>},
    {patterns::kLlama3AnyDigits, scan_llama3<kLetter, true, kAnyNumber>},
    {patterns::kQwen2NoContractions, scan_llama3<kLetter, false, 1>},
    {patterns::kQwen35, scan_llama3<kLetter | kMark, true, 1>},
    {patterns::kGpt4o, scan_gpt4o<true, 3>},
    {patterns::kTekken, scan_gpt4o<false, 1>},
    {patterns::kDigit, scan_digits<1>},
    {patterns::kThreeDigits, scan_digits<3>},
    {patterns::kDigitRun, scan_digits<kAnyNumber>},
    {patterns::kNewlines, scan_newlines},
    {patterns::kJais2, scan_jais2},
    {patterns::kTrailingSpaces, scan_trailing_spaces},
    {patterns::kDigitsFromRight, scan_digits_from_right},
    {patterns::kDigitsFromRightAlone, scan_digits_from_right_alone},
    {patterns::kCutDigitsFromRight, scan_cut_digits_from_right},
};

}  // namespace

Scanner find_scanner(std::string_view pattern) {
  for (const Row& row : kRows) {
    if (row.pattern == pattern) return row.scanner;
  }
  return nullptr;
}

}  // namespace vivace
