#include "server/sampling_fields.h"

#include <charconv>
#include <limits>

#include "server/api_error.h"

namespace vivace {
namespace {

ApiError bias_error() {
  return ApiError(400, "'logit_bias' must map token ids to numbers from -100 to 100, such as {\"123\": -100}",
                  "logit_bias", "invalid_value");
}

float bias_of(const Json& value) {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  if (value.is_boolean() && !value.get<bool>()) return kNever;
  if (!value.is_number()) throw bias_error();
  const double number = value.get<double>();
  if (!(number >= -1000 && number <= 1000)) throw bias_error();
  return number <= -100 ? kNever : float(number);
}

}  // namespace

void read_top_p(JsonFields& fields, SamplingOptions& sampling) {
  if (const auto value = fields.number("top_p", 0, 1)) sampling.top_p = *value <= 0 ? 1e-6f : float(*value);
}

void read_logit_bias(JsonFields& fields, Request& request) {
  const Json* bias = fields.find("logit_bias");
  if (bias == nullptr) return;
  auto& list = request.sampling.logit_bias;
  if (bias->is_object()) {
    for (const auto& [key, value] : bias->items()) {
      TokenId id = 0;
      const auto [stop, error] = std::from_chars(key.data(), key.data() + key.size(), id);
      if (error != std::errc() || stop != key.data() + key.size()) throw bias_error();
      list.emplace_back(id, bias_of(value));
    }
    return;
  }
  if (!bias->is_array()) throw bias_error();
  for (const Json& pair : *bias) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_integer()) throw bias_error();
    list.emplace_back(pair[0].get<TokenId>(), bias_of(pair[1]));
  }
}

void read_sampling_fields(JsonFields& fields, AnswerRequest& request, const SamplingLimits& limits) {
  SamplingOptions& sampling = request.request.sampling;
  if (const auto value = fields.number("temperature", 0, limits.temperature)) sampling.temperature = float(*value);
  read_top_p(fields, sampling);
  if (const auto value = fields.integer("top_k", -1, 1 << 30)) sampling.top_k = int32_t(std::max<int64_t>(*value, 0));
  if (const auto value = fields.number("min_p", 0, 1)) sampling.min_p = float(*value);
  if (const auto value = fields.number("repeat_penalty", 0.01, 100)) sampling.repeat_penalty = float(*value);
  if (const auto value = fields.number("presence_penalty", -limits.penalty, limits.penalty))
    sampling.presence_penalty = float(*value);
  if (const auto value = fields.number("frequency_penalty", -limits.penalty, limits.penalty))
    sampling.frequency_penalty = float(*value);
  constexpr int64_t kAnySeed = std::numeric_limits<int64_t>::max();
  if (const auto value = fields.integer("seed", -kAnySeed - 1, kAnySeed); value && *value != -1) {
    sampling.seed = uint64_t(*value);
    request.seeded = true;
  }
  request.request.stop = fields.texts("stop");
  std::erase(request.request.stop, "");
  request.request.ignore_end = fields.flag("ignore_eos").value_or(false);
  read_logit_bias(fields, request.request);
}

void read_load_fields(JsonFields& fields, AnswerRequest& request) {
  if (const auto seconds = fields.integer("ttl", 0, int64_t{1} << 31))
    request.load.ttl = std::chrono::seconds(*seconds);
  const auto policy = fields.text("context_overflow_policy");
  if (!policy) return;
  if (*policy == "truncate_middle" || *policy == "truncateMiddle") {
    request.overflow = OverflowPolicy::kTruncateMiddle;
  } else if (*policy == "rolling_window" || *policy == "rollingWindow") {
    request.overflow = OverflowPolicy::kRollingWindow;
  } else if (*policy == "stop_at_limit" || *policy == "stopAtLimit") {
    request.overflow = OverflowPolicy::kRefuse;
  } else {
    throw ApiError(400, "'context_overflow_policy' must be stop_at_limit, truncate_middle or rolling_window",
                   "context_overflow_policy", "invalid_value");
  }
}

}  // namespace vivace
