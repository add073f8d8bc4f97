#include "cli/live_levers.h"

#include <charconv>
#include <optional>

#include "advise/plan_json.h"
#include "advise/profile.h"
#include "base/error.h"
#include "cli/text_format.h"

namespace vivace {
namespace {

struct NumberLever {
  const char* name;
  std::optional<int32_t> Wishes::*wish;
};

constexpr NumberLever kNumbers[] = {{"context-length", &Wishes::context_length},
                                    {"batch-size", &Wishes::batch_size},
                                    {"parallel", &Wishes::parallel},
                                    {"threads", &Wishes::threads},
                                    {"threads-prefill", &Wishes::threads_prefill}};

std::optional<int32_t> parse_number(const std::string& name, const std::string& value) {
  if (value == "auto") return std::nullopt;
  int32_t number = 0;
  const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || stop != value.data() + value.size() || number < 1) {
    throw Error(ErrorCode::kInvalidArgument, name + " takes a number or auto, not '" + printable_text(value, 40) + "'");
  }
  return number;
}

}  // namespace

void set_live_lever(const std::string& name, const std::string& value, Wishes& wishes) {
  for (const NumberLever& lever : kNumbers) {
    if (name != lever.name) continue;
    wishes.*lever.wish = parse_number(name, value);
    return;
  }
  if (name != "kv-type") {
    throw Error(ErrorCode::kInvalidArgument, "there is no lever '" + printable_text(name, 40) + "'",
                "there are context-length, kv-type, batch-size, parallel, threads and threads-prefill");
  }
  wishes.kv_format = kv_format_named(value);
  if (!wishes.kv_format && value != "auto") {
    throw Error(ErrorCode::kInvalidArgument,
                "kv-type takes auto, f32, f16, q8_0 or q4_0, not '" + printable_text(value, 40) + "'");
  }
}

std::string live_levers_text(const Plan& plan) {
  TextTable table({TextTable::Align::kLeft, TextTable::Align::kRight});
  table.add({"context-length", std::to_string(plan.context_length)});
  table.add({"kv-type", kv_type_name(plan.kv_format)});
  table.add({"batch-size", std::to_string(plan.limits.tokens)});
  table.add({"parallel", std::to_string(plan.parallel)});
  table.add({"threads", std::to_string(plan.threads)});
  table.add({"threads-prefill", std::to_string(plan.threads_prefill)});
  return table.text();
}

}  // namespace vivace
