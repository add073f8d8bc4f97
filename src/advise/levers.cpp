#include "advise/levers.h"

#include <charconv>

#include "advise/plan_json.h"

namespace vivace {
namespace {

struct NumberLever {
  std::string_view name;
  NumberWish wish;
};

constexpr NumberLever kNumbers[] = {{"context-length", &Wishes::context_length},
                                    {"batch-size", &Wishes::batch_size},
                                    {"parallel", &Wishes::parallel},
                                    {"threads", &Wishes::threads},
                                    {"threads-prefill", &Wishes::threads_prefill}};

template <class Value>
bool settle(std::optional<Value>& wish, const std::optional<Value>& value) {
  if (wish || !value) return false;
  wish = value;
  return true;
}

/// Also 0: none.
bool settle_gpu_layers(std::string_view value, Wishes& wishes) {
  if (wishes.gpu_layers || !wishes.layer_split.empty()) return false;
  return settle(wishes.tuned_gpu_layers, value == "0" ? 0 : parse_lever_number(value));
}

}  // namespace

NumberWish number_wish(std::string_view lever) {
  for (const NumberLever& row : kNumbers) {
    if (row.name == lever) return row.wish;
  }
  return nullptr;
}

std::optional<int32_t> parse_lever_number(std::string_view text) {
  int32_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size() || value < 1) return std::nullopt;
  return value;
}

bool set_open_lever(std::string_view lever, std::string_view value, Wishes& wishes) {
  if (lever == "kv-type") return settle(wishes.kv_format, kv_format_named(value));
  if (lever == "gpu-layers") return settle_gpu_layers(value, wishes);
  const NumberWish wish = number_wish(lever);
  return wish != nullptr && settle(wishes.*wish, parse_lever_number(value));
}

std::optional<Format> kv_format_named(std::string_view name) {
  for (const Format format : {Format::kF32, Format::kF16, Format::kQ8_0, Format::kQ4_0}) {
    if (kv_type_name(format) == name) return format;
  }
  return std::nullopt;
}

}  // namespace vivace
