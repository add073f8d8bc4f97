#include "cli/sampling_options.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <random>

#include "base/error.h"

namespace vivace {
namespace {

constexpr std::string_view kSampling = "Sampling";
constexpr std::string_view kStop = "Length";

const OptionRow kSamplingRows[] = {
    {.name = "temperature",
     .type = OptionType::kFloat,
     .default_text = "0.8",
     .min = 0,
     .max = 100,
     .help = "Chance in the choice of tokens; 0 takes the most probable one, always",
     .group = kSampling},
    {.name = "top-k",
     .type = OptionType::kInt,
     .default_text = "40",
     .min = 0,
     .max = 1 << 30,
     .help = "Choose among the K most probable tokens; 0: all",
     .group = kSampling},
    {.name = "top-p",
     .type = OptionType::kFloat,
     .default_text = "0.95",
     .min = 0,
     .max = 1,
     .help = "Choose among the most probable tokens that have this much probability together; 1: all",
     .group = kSampling},
    {.name = "min-p",
     .type = OptionType::kFloat,
     .default_text = "0.05",
     .min = 0,
     .max = 1,
     .help = "Leave out tokens less probable than this part of the best one's probability; 0: none",
     .group = kSampling},
    {.name = "repeat-penalty",
     .type = OptionType::kFloat,
     .default_text = "1",
     .min = 0.01,
     .max = 100,
     .help = "Divides the score of tokens that came before; 1: none",
     .group = kSampling},
    {.name = "presence-penalty",
     .type = OptionType::kFloat,
     .default_text = "0",
     .min = -100,
     .max = 100,
     .help = "Taken from the score of each token that came before",
     .group = kSampling},
    {.name = "frequency-penalty",
     .type = OptionType::kFloat,
     .default_text = "0",
     .min = -100,
     .max = 100,
     .help = "The same, for each time it came",
     .group = kSampling},
    {.name = "repeat-window",
     .type = OptionType::kInt,
     .default_text = "64",
     .min = -1,
     .max = 1 << 30,
     .help = "Tokens that the penalties look back; -1: all",
     .group = kSampling},
    {.name = "seed",
     .type = OptionType::kInt,
     .default_text = "auto",
     .min = 0,
     .help = "The same seed gives the same answer; auto draws one and tells it",
     .group = kSampling},
    {.name = "logit-bias",
     .type = OptionType::kString,
     .default_text = "",
     .help = "ID:BIAS, added to a token's score, such as 2:-inf; may be repeated",
     .group = kSampling},
};

const OptionRow kStopRows[] = {
    {.name = "max-tokens",
     .type = OptionType::kInt,
     .default_text = "auto",
     .min = 0,
     .max = 1 << 30,
     .help = "Most tokens of an answer; auto: as many as the context holds",
     .group = kStop},
    {.name = "stop",
     .type = OptionType::kString,
     .default_text = "",
     .help = "Text that ends the answer and is not part of it; may be repeated",
     .group = kStop},
    {.name = "ignore-eos",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Go on when the model says it is done",
     .group = kStop},
};

template <class T>
bool parse_all(std::string_view text, T& value) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stop == text.data() + text.size();
}

std::pair<TokenId, float> parse_bias(const std::string& text) {
  const size_t colon = text.find_first_of(":=");
  TokenId id = 0;
  float bias = 0;
  if (colon == std::string::npos || !parse_all(std::string_view(text).substr(0, colon), id) ||
      !parse_all(std::string_view(text).substr(colon + (text.size() > colon + 1 && text[colon + 1] == '+' ? 2 : 1)),
                 bias) ||
      std::isnan(bias) || bias == std::numeric_limits<float>::infinity()) {
    throw Error(ErrorCode::kInvalidArgument,
                "logit-bias: '" + text + "' is not allowed; it takes ID:BIAS, such as 2:-inf");
  }
  return {id, bias};
}

float real(const Arguments& arguments, std::string_view name) {
  return static_cast<float>(arguments.number(name).value_or(0));
}

int32_t whole(const Arguments& arguments, std::string_view name) {
  return static_cast<int32_t>(arguments.integer(name).value_or(0));
}

}  // namespace

std::span<const OptionRow> sampling_options() { return kSamplingRows; }
std::span<const OptionRow> stop_options() { return kStopRows; }

SamplingOptions read_sampling(const Arguments& arguments) {
  SamplingOptions sampling;
  sampling.temperature = real(arguments, "temperature");
  sampling.top_k = whole(arguments, "top-k");
  sampling.top_p = real(arguments, "top-p");
  sampling.min_p = real(arguments, "min-p");
  sampling.repeat_penalty = real(arguments, "repeat-penalty");
  sampling.presence_penalty = real(arguments, "presence-penalty");
  sampling.frequency_penalty = real(arguments, "frequency-penalty");
  sampling.repeat_window = whole(arguments, "repeat-window");
  if (const auto seed = arguments.integer("seed")) {
    sampling.seed = static_cast<uint64_t>(*seed);
  } else {
    sampling.seed = std::random_device{}();
  }
  for (const std::string& text : arguments.texts("logit-bias")) sampling.logit_bias.push_back(parse_bias(text));
  return sampling;
}

Request read_request(const Arguments& arguments) {
  Request request;
  request.sampling = read_sampling(arguments);
  request.max_tokens = static_cast<int32_t>(arguments.integer("max-tokens").value_or(-1));
  request.stop = arguments.texts("stop");
  std::erase(request.stop, "");
  request.ignore_end = arguments.flag("ignore-eos");
  return request;
}

std::string sampling_text(const SamplingOptions& sampling) {
  const auto number = [](float value) {
    char digits[32];
    const auto result = std::to_chars(digits, digits + sizeof digits, value);
    return std::string(digits, result.ptr);
  };
  std::string text = "temperature " + number(sampling.temperature);
  if (sampling.temperature > 0) {
    if (sampling.top_k > 0) text += ", top-k " + std::to_string(sampling.top_k);
    if (sampling.top_p < 1) text += ", top-p " + number(sampling.top_p);
    if (sampling.min_p > 0) text += ", min-p " + number(sampling.min_p);
  } else {
    text += " (the most probable token, always)";
  }
  if (sampling.repeat_penalty != 1) text += ", repeat penalty " + number(sampling.repeat_penalty);
  if (sampling.presence_penalty != 0) text += ", presence penalty " + number(sampling.presence_penalty);
  if (sampling.frequency_penalty != 0) text += ", frequency penalty " + number(sampling.frequency_penalty);
  if (sampling.temperature > 0) text += ", seed " + std::to_string(sampling.seed);
  return text;
}

}  // namespace vivace
