// libFuzzer target: an answer in one piece and letter by letter gives the same parts, in every format.
#include <cstdlib>
#include <string>

#include "text/answer/answer_parser.h"

namespace {

using vivace::AnswerPart;

/// What was said, joined: a letter for the kind before each change.
std::string joined(vivace::AnswerParser& parser, const std::string& answer, size_t piece) {
  std::string said;
  char last = 0;
  const auto take = [&](const std::vector<AnswerPart>& parts) {
    for (const AnswerPart& part : parts) {
      const char kind = char('A' + int(part.kind));
      if (kind != last || part.kind == AnswerPart::Kind::kCallBegin) said += kind;
      last = kind;
      said += part.text + part.id;
    }
  };
  for (size_t at = 0; at < answer.size(); at += piece) take(parser.push(answer.substr(at, piece)));
  take(parser.finish());
  return said;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 4096) return 0;
  const auto formats = vivace::answer_formats();
  const vivace::AnswerFormat& format = formats[data[0] % formats.size()];
  vivace::AnswerParserOptions options;
  options.calls = (data[1] & 1) != 0;
  options.in_reasoning = (data[1] & 2) != 0;
  options.reasoning = (data[1] & 4) == 0;
  options.tools = {"f"};
  const std::string answer(reinterpret_cast<const char*>(data) + 2, size - 2);
  vivace::AnswerParser whole(format, options), letters(format, options);
  if (joined(whole, answer, answer.size() + 1) != joined(letters, answer, 1)) std::abort();
  return 0;
}
